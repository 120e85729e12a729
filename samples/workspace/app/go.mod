module example.com/workspace/app

go 1.26

require example.com/workspace/lib v0.0.0
