// Command server is the app of the workspace: it gets its words from the module next door.
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"example.com/workspace/lib"
)

func main() {
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, lib.Greeting("world"))
	})
	server := &http.Server{Addr: ":" + port, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}
