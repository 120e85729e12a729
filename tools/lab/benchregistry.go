package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/spf13/cobra"

	"github.com/Scalingo/go-cnb/tools/lab/figures"
)

// debianRegistry is the program of Debian's package of the same name.
const debianRegistry = "docker-registry"

// benchRegistry is a registry on this machine.
type benchRegistry struct {
	address string
	kind    string // which program it is
	command *exec.Cmd
	ended   chan struct{}
	log     string
}

// startBenchRegistry starts Debian's registry, which is the one that most people run, or where there is none the one of
// go-containerregistry; in a process of its own either way, as a registry is.
func startBenchRegistry(ctx context.Context, cache cacheFolder, scratch string) (*benchRegistry, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	dir := filepath.Join(scratch, "registry")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	r := &benchRegistry{address: address, ended: make(chan struct{}), log: filepath.Join(scratch, "registry.log")}
	if err := r.choose(ctx, dir); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	output, err := os.Create(r.log)
	if err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	defer output.Close()
	r.command.Stdout, r.command.Stderr = output, output
	r.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the lab, which stops it when all is done
	if err := r.command.Start(); err != nil {
		return nil, fmt.Errorf("registry: %w", err)
	}
	go func() { _ = r.command.Wait(); close(r.ended) }()
	if err := r.serveRunImage(ctx, cache); err != nil {
		r.stop()
		return nil, fmt.Errorf("registry (%s): %w", r.kind, err)
	}
	return r, nil
}

// choose finds the program to run.
func (r *benchRegistry) choose(ctx context.Context, dir string) error {
	program, err := exec.LookPath(debianRegistry)
	if err != nil && os.Geteuid() == 0 {
		if _, noDebian := exec.LookPath("apt-get"); noDebian == nil {
			if err := aptInstall(ctx, debianRegistry); err != nil {
				fmt.Fprintf(os.Stderr, "lab: %s could not be installed: %v\n", debianRegistry, err)
			}
			program, err = exec.LookPath(debianRegistry)
		}
	}
	if err != nil {
		self, err := os.Executable()
		if err != nil {
			return err
		}
		r.kind = "go-containerregistry"
		r.command = exec.CommandContext(context.WithoutCancel(ctx), self, "registry", "--listen", r.address, dir)
		return nil
	}
	config := filepath.Join(dir, "config.yml")
	text := fmt.Sprintf("version: 0.1\nlog:\n  level: warn\n  accesslog:\n    disabled: true\n"+
		"storage:\n  filesystem:\n    rootdirectory: %q\nhttp:\n  addr: %q\n", dir, r.address)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return err
	}
	r.kind = debianRegistry
	r.command = exec.CommandContext(context.WithoutCancel(ctx), program, "serve", config)
	return nil
}

// freeAddress is an address on the loopback interface at which nothing listens.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// serveRunImage waits until the registry answers and gives it the image that others are built on.
func (r *benchRegistry) serveRunImage(ctx context.Context, cache cacheFolder) error {
	image, err := runImage(ctx, cache, runTiny)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := r.ask(ctx)
		if err == nil {
			break
		}
		select {
		case <-r.ended:
			text, _ := os.ReadFile(r.log)
			return fmt.Errorf("it ended:\n%s", lastLines(text, 10))
		case <-ctx.Done():
			return errors.New("interrupted")
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no answer within 30 seconds: %w", err)
		}
	}
	reference, err := name.ParseReference(r.runImage())
	if err != nil {
		return err
	}
	return remote.Write(reference, image, remote.WithContext(ctx))
}

func (r *benchRegistry) ask(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.address+"/v2/", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

func (r *benchRegistry) runImage() string { return r.address + "/run/tiny:latest" }

// image reads what the registry has under a name.
func (r *benchRegistry) image(ctx context.Context, reference string) (v1.Image, error) {
	parsed, err := name.ParseReference(reference)
	if err != nil {
		return nil, err
	}
	return remote.Image(parsed, remote.WithContext(ctx))
}

// describe gives digest and size of an image.
func (r *benchRegistry) describe(ctx context.Context, reference string) (figures.Image, error) {
	image, err := r.image(ctx, reference)
	if err != nil {
		return figures.Image{}, err
	}
	described, err := describeImage(image)
	return figures.Image{Digest: described.Digest, Bytes: described.Size}, err
}

// stop stops the registry; its files go with the scratch directory.
func (r *benchRegistry) stop() {
	_ = r.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(stopGrace):
		_ = r.command.Process.Kill()
		<-r.ended
	}
}

// newRegistryCommand is the registry for machines without Debian's.
func newRegistryCommand() *cobra.Command {
	var address string
	command := &cobra.Command{
		Use:    "registry --listen ADDRESS DIR",
		Short:  "Serve a registry that keeps its blobs in DIR, for lab bench",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			handler := registry.New(registry.WithBlobHandler(registry.NewDiskBlobHandler(args[0])), registry.Logger(log.New(os.Stderr, "", 0)))
			server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: time.Minute}
			stop := context.AfterFunc(cmd.Context(), func() { server.Close() })
			defer stop()
			if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
	}
	command.Flags().StringVar(&address, "listen", "127.0.0.1:0", "`ADDRESS` to listen on")
	return command
}
