package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
)

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello from", runtime.Version()) })
	fmt.Println(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
