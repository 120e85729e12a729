package main

import "runtime"

func main() { println("a tool of", runtime.Version()) }
