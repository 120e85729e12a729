package golang

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/Scalingo/go-cnb/go/buildcache"
)

// tellMemory says how much memory the build took at most.
func (b *build) tellMemory() {
	peak := func(who int) string {
		var usage syscall.Rusage
		if err := syscall.Getrusage(who, &usage); err != nil {
			return "an unknown amount"
		}
		return size(usage.Maxrss * 1024)
	}
	b.Bodyf("Peak memory: %s, of the largest command %s", peak(syscall.RUSAGE_SELF), peak(syscall.RUSAGE_CHILDREN))
}

// untilSignal returns a context that ends when the build is told to end, which
// ends a hook. What must not outlive a build is removed then, and the build ends
// as it would have. done has to be called.
func (b *build) untilSignal() (ctx context.Context, done func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		told, ok := <-signals
		if !ok {
			return
		}
		cancel(fmt.Errorf("the build was told to end: %s", told))
		_ = buildcache.Remove(b.accessDir()) // there is nobody left to tell
		time.Sleep(endDelay)                 // for a hook to be ended, and for the story to say so
		signal.Reset(told)
		_ = syscall.Kill(os.Getpid(), told.(syscall.Signal))
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}

// endDelay is how long a build that is told to end may take for it.
const endDelay = 3 * time.Second

// accessDir holds the files that programs read for access.
func (b *build) accessDir() string { return filepath.Join(b.scratch, "access") }

func (b *build) cleanScratch() error {
	_ = b.wait() // the story has said what went wrong; nothing may write to what is removed
	return buildcache.RemoveAtOnce(b.scratch)
}

// placeScratch makes the directories that thousands of files go to.
func (b *build) placeScratch() error {
	for _, dir := range []string{goDir, modulesDir, compiledDir} {
		if err := buildcache.Place(filepath.Join(b.scratch, dir)); err != nil {
			return err
		}
	}
	return nil
}

// beside runs work beside the build; the function it returns waits for the end.
func (b *build) beside(work func() error) (wait func() error) {
	done := make(chan error, 1)
	go func() { done <- work() }()
	wait = sync.OnceValue(func() error { return <-done })
	b.waiting.Lock()
	defer b.waiting.Unlock()
	b.waits = append(b.waits, wait)
	return wait
}

// wait waits for all that runs beside the build.
func (b *build) wait() error {
	var errs []error
	for {
		b.waiting.Lock()
		waits := b.waits
		b.waits = nil
		b.waiting.Unlock()
		if len(waits) == 0 {
			return errors.Join(errs...)
		}
		for _, wait := range waits { // what is waited for may begin more
			errs = append(errs, wait())
		}
	}
}
