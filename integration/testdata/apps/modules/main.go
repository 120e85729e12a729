package main

import (
	"fmt"
	"net/http"
	"os"
	"runtime"

	"github.com/gorilla/mux"
	"github.com/pkg/errors"
)

func main() {
	r := mux.NewRouter()
	r.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "hello from", runtime.Version()) })
	if err := http.ListenAndServe(":"+os.Getenv("PORT"), r); err != nil {
		fmt.Println(errors.Wrap(err, "serve"))
	}
}
