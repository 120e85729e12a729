// Command main is the buildpack's one program: bin/detect and bin/build are links
// to it, and git and the go command start it to ask for logins.
package main

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/buildpacks/libcnb/v2"
	"github.com/paketo-buildpacks/libpak/v2"
	"github.com/paketo-buildpacks/libpak/v2/log"
	"github.com/paketo-buildpacks/libpak/v2/utils"

	golang "github.com/Scalingo/go-cnb/go"
)

// defaultProxies is the go command's own default of GOPROXY, as known by the Go
// that compiled this program; scripts/build.sh sets it.
var defaultProxies string

func main() {
	if golang.AnswersCredentials(os.Args) {
		if err := golang.AnswerCredentials(os.Args, os.Environ(), os.Stdin, os.Stdout); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err) // git passes it on
			os.Exit(1)
		}
		return
	}
	// File modes go into the image's layers, and so into its digest.
	syscall.Umask(0o022)
	buildpack := golang.Buildpack{Environ: os.Environ(), DefaultProxies: defaultProxies, Out: os.Stdout}
	logger := golang.NewLogger(os.Stdout, os.Getenv("NO_COLOR") != "")
	libpak.BuildpackMain(buildpack.Detect, buildpack.Build,
		// libcnb's debug log would print every variable of the platform, secrets included.
		libcnb.WithLogger(log.PaketoLogger{}),
		// The build says itself what it leaves in the image.
		libcnb.WithTOMLWriter(utils.NewTOMLWriter(utils.WithTOMLWriterLogger(log.PaketoLogger{}))),
		libcnb.WithEnvironmentWriter(utils.NewEnvironmentWriter(utils.WithEnvironmentWriterLogger(log.PaketoLogger{}))),
		libcnb.WithExitHandler(exitHandler{utils.NewExitHandler(), logger.TerminalErrorWriter()}),
	)
}

// exitHandler ends the program as libpak does, with an error that a reader of a long log finds.
type exitHandler struct {
	utils.ExitHandler
	out io.Writer
}

// Error prints err and exits with code 1.
func (h exitHandler) Error(err error) {
	_, _ = fmt.Fprintf(h.out, "ERROR: %s\n", err) // there is nobody left to tell
	os.Exit(utils.ErrorStatusCode)
}
