// Command hello is a small web application whose dependencies are locked by gb.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"runtime"

	"github.com/gorilla/mux"
	"github.com/pkg/errors"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	router := mux.NewRouter()
	router.HandleFunc("/", hello)
	log.Println("listening on port", port)
	log.Fatal(errors.Wrap(http.ListenAndServe(":"+port, router), "the server ended"))
}

func hello(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintf(w, "Hello from %s, built with %s\n", "gb", runtime.Version())
}
