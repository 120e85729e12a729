package buildcache

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Crew is the CPUs that all packs of a build share.
type Crew struct{ places chan struct{} }

// NewCrew returns a crew that works on n frames at a time, at least one.
func NewCrew(n int) *Crew { return &Crew{make(chan struct{}, max(n, 1))} }

func (c *Crew) size() int { return cap(c.places) }

// do runs work beside its caller once there is a place for it, until when the caller waits.
func (c *Crew) do(work func()) {
	c.places <- struct{}{}
	go func() {
		defer func() { <-c.places }()
		work()
	}()
}

// pool keeps what is dear to make.
type pool[T any] struct {
	make func() (T, error)
	mu   sync.Mutex
	free []T
}

func (p *pool[T]) take() (T, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.free); n > 0 {
		t := p.free[n-1]
		p.free = p.free[:n-1]
		return t, nil
	}
	return p.make()
}

func (p *pool[T]) give(t T) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, t)
}

var (
	encoders = &pool[*zstd.Encoder]{make: newEncoder}
	decoders = &pool[*zstd.Decoder]{make: func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(2*frameSize))
	}}
	buffers = &pool[[]byte]{make: func() ([]byte, error) { return make([]byte, 0, frameSize+frameSize/8), nil }}
)

func takeBuffer() []byte {
	b, _ := buffers.take() // making one cannot fail
	return b[:0]
}

// giveBuffer takes a buffer back that nothing refers to any more.
func giveBuffer(b []byte) {
	if cap(b) >= frameSize {
		buffers.give(b)
	}
}
