module example.com/team/app/v2

go 1.11

require (
	github.com/gorilla/mux v1.7.4
	github.com/pkg/errors v0.9.1
)
