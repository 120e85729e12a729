package toolchain

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/buildpacks/libcnb/v2"
	"github.com/google/go-cmp/cmp"
)

// install installs and checks where the distribution came from, and that all of it is there.
func (w *fakeWorld) install(t *testing.T, wantFrom string) {
	t.Helper()
	from, err := w.Install(t.Context(), w.release, w.dir)
	if err != nil {
		t.Fatal(err)
	}
	if from != wantFrom {
		t.Errorf("it came from %s, want %s", from, wantFrom)
	}
	if diff := cmp.Diff(fakeTree, tree(t, w.dir)); diff != "" {
		t.Error(diff)
	}
	entries, err := os.ReadDir(w.Scratch)
	must(t, err)
	for _, e := range entries {
		t.Errorf("%s is left in the scratch directory", e.Name())
	}
}

// fails installs, checks that the error says each of want and that nothing is left.
func (w *fakeWorld) fails(t *testing.T, want ...string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	from, err := w.Install(ctx, w.release, w.dir)
	if err == nil {
		t.Fatalf("it came from %s", from)
	}
	for _, text := range want {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %q:\n%v", text, err)
		}
	}
	w.leftNothing(t)
	return err
}

func TestInstallFromATarballTrimsAndKeepsRunBits(t *testing.T) {
	w := newFakeWorld(t)
	w.install(t, w.tarballURL())
}

func TestInstallFromAModuleTrimsAndMendsRunBitsAndGoMod(t *testing.T) {
	w := newFakeWorld(t)
	w.ProxyFirst = true
	w.install(t, w.moduleURL())
}

func TestInstallFromAFileProxy(t *testing.T) {
	w := newFakeWorld(t)
	root := filepath.Join(t.TempDir(), "with space")
	file := filepath.Join(root, filepath.FromSlash(modulePath))
	must(t, os.MkdirAll(filepath.Dir(file), 0o755))
	must(t, os.WriteFile(file, w.module, 0o600))
	u := &url.URL{Scheme: "file", Path: root}
	w.Proxies, w.Only = []Proxy{{URL: u}}, FromGoproxy
	w.install(t, u.String()+modulePath)
}

func TestInstallSettlesTheFileTimesOfGoBefore110(t *testing.T) {
	w := newFakeWorld(t)
	w.release.Version = MustParseVersion("1.9.7")
	w.install(t, w.tarballURL())
	times := map[time.Time]bool{}
	for name := range tree(t, w.dir) {
		info, err := os.Stat(filepath.Join(w.dir, name))
		must(t, err)
		times[info.ModTime().UTC()] = true
	}
	if len(times) != 1 {
		t.Errorf("the files have %d times", len(times))
	}
}

func TestPassingFailuresLeadToAnotherAttempt(t *testing.T) {
	tests := []struct {
		name  string
		first func(w *fakeWorld) []reply
	}{
		{"503 twice", func(*fakeWorld) []reply { return []reply{answers(503), answers(503)} }},
		{"500, 408, 429", func(*fakeWorld) []reply { return []reply{answers(500), answers(408), answers(429)} }},
		{"connection cut", func(w *fakeWorld) []reply { return []reply{truncates(w.tarball)} }},
		{"connection cut before the first byte", func(*fakeWorld) []reply {
			return []reply{func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}
		}},
		{"body that ends early without telling its length", func(w *fakeWorld) []reply {
			return []reply{func(rw http.ResponseWriter, _ *http.Request) {
				_, _ = rw.Write(w.tarball[:len(w.tarball)/2])
				rw.(http.Flusher).Flush() // chunked from here on
			}}
		}},
		{"empty body", func(*fakeWorld) []reply { return []reply{sends(nil)} }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newFakeWorld(t)
			w.Only = FromUpstream
			first := test.first(w)
			w.upstream.replies[tarballPath] = append(first, sends(w.tarball))
			w.install(t, w.tarballURL())
			if got, want := len(w.upstream.requests()), len(first)+1; got != want {
				t.Errorf("%d requests, want %d", got, want)
			}
		})
	}
}

func TestFailuresThatStayAreNotTriedAgain(t *testing.T) {
	for _, code := range []int{400, 401, 403, 404, 410} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			w := newFakeWorld(t)
			w.Only = FromUpstream
			w.upstream.replies[tarballPath] = []reply{answers(code)}
			w.fails(t, w.tarballURL()+": ", fmt.Sprint(code))
			if got := len(w.upstream.requests()); got != 1 {
				t.Errorf("%d requests", got)
			}
		})
	}
}

func TestAnUnknownCertificateIsRefusedAtOnce(t *testing.T) {
	w := newFakeWorld(t)
	w.Only = FromUpstream
	w.Download.Client = &http.Client{}
	w.fails(t, w.tarballURL(), "certificate")
}

func TestDownloadsThatBreakOffEveryTimeLeaveNothing(t *testing.T) {
	w := newFakeWorld(t)
	w.upstream.replies[tarballPath] = []reply{truncates(w.tarball)}
	w.proxy.replies[modulePath] = []reply{truncates(w.module)}
	w.fails(t, w.tarballURL()+": the download broke off after ", w.moduleURL()+": the download broke off after ")
	for _, s := range []*fakeServer{w.upstream, w.proxy} {
		if got := len(s.requests()); got != int(w.Download.Attempts) {
			t.Errorf("%d requests", got)
		}
	}
}

func TestRetryAfterIsObeyed(t *testing.T) {
	w := newFakeWorld(t)
	w.Only = FromUpstream
	w.Download.Pause = time.Hour // what the server says counts instead
	w.upstream.replies[tarballPath] = []reply{func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Retry-After", "0")
		rw.WriteHeader(http.StatusTooManyRequests)
	}, sends(w.tarball)}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := w.Install(ctx, w.release, w.dir); err != nil {
		t.Fatal(err)
	}
}

func TestAWrongChecksumIsRefusedAndTheNextPlaceTried(t *testing.T) {
	other := func(t *testing.T, w *fakeWorld) (tarball, module []byte) {
		files := map[string]string{"bin/go": "#!/bin/evil\n"}
		tarball = fakeTarball(t, files)
		module, _ = fakeModule(t, w.release.ModuleVersion(), files)
		return tarball, module
	}
	t.Run("tarball", func(t *testing.T) {
		w := newFakeWorld(t)
		tarball, _ := other(t, w)
		w.upstream.replies[tarballPath] = []reply{sends(tarball)}
		w.install(t, w.moduleURL())
		if got := len(w.upstream.requests()); got != 1 {
			t.Errorf("%d requests", got)
		}
	})
	t.Run("module", func(t *testing.T) {
		w := newFakeWorld(t)
		w.ProxyFirst = true
		_, module := other(t, w)
		w.proxy.replies[modulePath] = []reply{sends(module)}
		w.install(t, w.tarballURL())
	})
	t.Run("both", func(t *testing.T) {
		w := newFakeWorld(t)
		tarball, module := other(t, w)
		w.upstream.replies[tarballPath] = []reply{sends(tarball)}
		w.proxy.replies[modulePath] = []reply{sends(module)}
		w.fails(t, w.tarballURL()+": checksum does not match: expected "+w.release.Digest+", got "+digestOf(tarball),
			w.moduleURL()+": checksum does not match: expected "+w.release.ModuleSum)
	})
	t.Run("a page in place of the tarball", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Only = FromUpstream
		page := []byte("<html>log in first</html>")
		w.upstream.replies[tarballPath] = []reply{sends(page)}
		w.fails(t, w.tarballURL()+": checksum does not match", digestOf(page))
	})
	t.Run("data behind the archive", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Only = FromUpstream
		w.upstream.replies[tarballPath] = []reply{sends(append(w.tarball[:len(w.tarball):len(w.tarball)], "more"...))}
		w.fails(t, "checksum does not match")
	})
}

func TestATarballServedAsContentEncodingIsTakenAsItIs(t *testing.T) {
	w := newFakeWorld(t)
	w.Only = FromUpstream
	w.upstream.replies[tarballPath] = []reply{func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Encoding", "gzip")
		_, _ = rw.Write(w.tarball)
	}}
	w.install(t, w.tarballURL())
}

func TestAFailedInstallDoesNotStandInTheWayOfTheNext(t *testing.T) {
	w := newFakeWorld(t)
	w.Only = FromUpstream
	w.upstream.replies[tarballPath] = []reply{answers(404), sends(w.tarball)}
	w.fails(t, "404")
	must(t, os.MkdirAll(filepath.Join(w.Scratch, "go-unpacking", "bin"), 0o755)) // as a build that was killed leaves it
	must(t, os.WriteFile(filepath.Join(w.Scratch, "go-unpacking", "bin", "go"), nil, 0o600))
	w.install(t, w.tarballURL())
}

// TestPlacesAreTriedInOrder has every place fail in turn. u: upstream, p: proxy, l: mapping or mirror, b: bundle.
func TestPlacesAreTriedInOrder(t *testing.T) {
	tests := []struct {
		name string
		set  func(w *fakeWorld)
		want string
	}{
		{"default", func(*fakeWorld) {}, "l b u p"},
		{"GOPROXY set", func(w *fakeWorld) { w.ProxyFirst = true }, "l b p u"},
		{"BP_GO_DIST_SOURCE=upstream", func(w *fakeWorld) { w.Only = FromUpstream }, "l b u"},
		{"BP_GO_DIST_SOURCE=upstream and GOPROXY set", func(w *fakeWorld) { w.Only, w.ProxyFirst = FromUpstream, true }, "l b u"},
		{"BP_GO_DIST_SOURCE=goproxy", func(w *fakeWorld) { w.Only = FromGoproxy }, "l b p"},
		{"GOPROXY=off", func(w *fakeWorld) { w.Proxies = nil }, "l b u"},
		{"hash of the module unknown", func(w *fakeWorld) { w.release.ModuleSum = "" }, "l b u"},
		{"known as a module alone", func(w *fakeWorld) { w.release.URI, w.release.Algorithm, w.release.Digest = "", "", "" }, "p"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newFakeWorld(t)
			mirror := newFakeServer(t)
			w.Locate = func(Release) (*url.URL, error) { return parse(t, mirror.URL+"/mirrored.tar.gz"), nil }
			bundled := w.Bundle.tarball(w.release)
			must(t, os.MkdirAll(filepath.Dir(bundled), 0o755))
			must(t, os.WriteFile(bundled, []byte("damaged"), 0o600))
			delete(w.upstream.replies, tarballPath)
			delete(w.proxy.replies, modulePath)
			test.set(w)
			err := w.fails(t)
			var got []string
			for line := range strings.Lines(err.Error()) {
				for prefix, place := range map[string]string{mirror.URL: "l", "file://" + bundled: "b", w.upstream.URL: "u", w.proxy.URL: "p"} {
					if strings.HasPrefix(line, "  "+prefix) {
						got = append(got, place)
					}
				}
			}
			if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s\n%v", diff, err)
			}
		})
	}
}

func TestInstallSaysWhyThereIsNoWay(t *testing.T) {
	tests := []struct {
		name string
		set  func(w *fakeWorld)
		want string
	}{
		{"upstream alone, known as a module", func(w *fakeWorld) { w.Only = FromUpstream }, "BP_GO_DIST_SOURCE=upstream allows no other source: unset it"},
		{"proxy alone, none set", func(w *fakeWorld) { w.Only, w.Proxies = FromGoproxy, nil }, "BP_GO_DIST_SOURCE=goproxy, but GOPROXY names no proxy"},
		{"known as a module, no proxy set", func(w *fakeWorld) { w.Proxies = nil }, "it is known only as a module and GOPROXY names no proxy"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newFakeWorld(t)
			w.release.URI, w.release.Algorithm, w.release.Digest = "", "", ""
			test.set(w)
			w.fails(t, "go 1.22.1: no way to get it: ", test.want)
		})
	}
}

func TestUpstreamThatIsMissingOrDeadLeavesTheProxy(t *testing.T) {
	t.Run("404", func(t *testing.T) {
		w := newFakeWorld(t)
		delete(w.upstream.replies, tarballPath)
		w.install(t, w.moduleURL())
	})
	t.Run("closed port", func(t *testing.T) {
		w := newFakeWorld(t)
		w.release.URI = deadURL() + tarballPath
		w.install(t, w.moduleURL())
	})
	t.Run("unknown host", func(t *testing.T) {
		w := newFakeWorld(t)
		var dialed atomic.Int32
		transport := w.Download.Client.Transport.(*http.Transport)
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			if address == "go.invalid:443" {
				dialed.Add(1)
				return nil, &net.DNSError{Err: "no such host", Name: "go.invalid", IsNotFound: true}
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}
		w.release.URI = "https://go.invalid" + tarballPath
		w.install(t, w.moduleURL())
		if n := dialed.Load(); n != 1 {
			t.Errorf("%d attempts at a host that does not exist", n)
		}
	})
	t.Run("address without a known scheme", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Locate = func(Release) (*url.URL, error) { return parse(t, "somewhere/go.tar.gz"), nil }
		w.install(t, w.tarballURL())
	})
}

func TestProxiesOfAListAreAskedAsTheGoCommandDoes(t *testing.T) {
	tests := []struct {
		name, goproxy string // A to C stand for proxies
		replies       string // what each answers: 404, 410, 500, wrong, dead or ok
		want          string // the one that had it; "" for none
		asked         string // which were asked
	}{
		{"the first has it", "A,B", "ok ok", "A", "A"},
		{"comma goes on after 404", "A,B", "404 ok", "B", "AB"},
		{"comma goes on after 410", "A,B", "410 ok", "B", "AB"},
		{"comma ends at 403", "A,B", "403 ok", "", "A"},
		{"comma ends at 500", "A,B", "500 ok", "", "A"},
		{"comma ends at a wrong checksum", "A,B", "wrong ok", "", "A"},
		{"comma ends at a dead host", "A,B", "dead ok", "", ""},
		{"bar goes on after 403", "A|B", "403 ok", "B", "AB"},
		{"bar goes on after 500", "A|B", "500 ok", "B", "AB"},
		{"bar goes on after a wrong checksum", "A|B", "wrong ok", "B", "AB"},
		{"bar goes on after a dead host", "A|B", "dead ok", "B", "B"},
		{"each separator is for its own proxy", "A|B,C", "500 404 ok", "C", "ABC"},
		{"comma after bar", "A|B,C", "500 500 ok", "", "AB"},
		{"off ends the list", "A,off,B", "404 ok", "", "A"},
		{"direct ends the list", "A|direct|B", "500 ok", "", "A"},
		{"none has it", "A,B", "404 404", "", "AB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newFakeWorld(t)
			w.Only, w.Download.Attempts = FromGoproxy, 1
			wrong, _ := fakeModule(t, w.release.ModuleVersion(), map[string]string{"bin/go": "wrong"})
			servers := map[string]*fakeServer{}
			goproxy, want := test.goproxy, ""
			for i, what := range strings.Fields(test.replies) {
				name, s := string(rune('A'+i)), newFakeServer(t)
				servers[name] = s
				address := s.URL
				var code int
				switch what {
				case "ok":
					s.replies[modulePath] = []reply{sends(w.module)}
				case "wrong":
					s.replies[modulePath] = []reply{sends(wrong)}
				case "dead":
					address = deadURL()
				default:
					_, err := fmt.Sscan(what, &code)
					must(t, err)
					s.replies[modulePath] = []reply{answers(code)}
				}
				goproxy = strings.ReplaceAll(goproxy, name, address)
				if name == test.want {
					want = address + modulePath
				}
			}
			var err error
			w.Proxies, err = ParseProxies(goproxy)
			must(t, err)
			if test.want == "" {
				w.fails(t, modulePath+": ")
			} else {
				w.install(t, want)
			}
			asked := ""
			for _, name := range []string{"A", "B", "C"} {
				if s := servers[name]; s != nil && len(s.requests()) > 0 {
					asked += name
				}
			}
			if asked != test.asked {
				t.Errorf("asked %s, want %s", asked, test.asked)
			}
		})
	}
}

func TestTheErrorNamesEachURLAndWhatItSaid(t *testing.T) {
	w := newFakeWorld(t)
	second := newFakeServer(t)
	w.Proxies = []Proxy{{URL: parse(t, w.proxy.URL)}, {URL: parse(t, second.URL)}}
	w.proxy.replies[modulePath] = []reply{answers(410)}
	w.upstream.replies[tarballPath] = []reply{answers(403)}
	err := w.fails(t)
	want := "go 1.22.1 could not be had:\n" +
		"  " + w.tarballURL() + ": the server answered 403 Forbidden\n" +
		"  " + w.moduleURL() + ": not found (410 Gone)\n" +
		"  " + second.URL + modulePath + ": not found (404 Not Found)\n" +
		"Check the network of the build, or set GOPROXY or BP_DEPENDENCY_MIRROR to a place that it reaches"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestInstallFromABundle(t *testing.T) {
	w := newFakeWorld(t)
	bundled := w.Bundle.tarball(w.release)
	must(t, os.MkdirAll(filepath.Dir(bundled), 0o755))
	must(t, os.WriteFile(bundled, w.tarball, 0o600))
	w.install(t, "file://"+bundled)
	if len(w.upstream.requests())+len(w.proxy.requests()) > 0 {
		t.Error("it went to the network")
	}
}

func mapping(digest, uri string) libcnb.Bindings {
	return libcnb.Bindings{{Name: "m", Type: "dependency-mapping", Secret: map[string]string{digest: uri}}}
}

func mirrors(secret map[string]string) libcnb.Bindings {
	return libcnb.Bindings{{Name: "m", Type: "dependency-mirror", Secret: secret}}
}

func locate(t *testing.T, bindings libcnb.Bindings) Locate {
	t.Helper()
	l, err := NewLocate(libcnb.Buildpack{Info: libcnb.BuildpackInfo{ID: "scalingo/go", Version: "0"}, Path: t.TempDir()}, bindings, t.TempDir())
	must(t, err)
	return l
}

func TestMappingsAndMirrors(t *testing.T) {
	const digest = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	tests := []struct {
		name     string
		env      map[string]string
		bindings libcnb.Bindings
		want     string // "" for none, "error: " and what it says
	}{
		{"none", nil, nil, ""},
		{"mapping by digest", nil, mapping(digest, "https://map.example/g.tgz"), "https://map.example/g.tgz"},
		{"mapping by algorithm and digest", nil, mapping("sha256:"+digest, "https://map.example/g.tgz"), "https://map.example/g.tgz"},
		{"mapping of something else", nil, mapping(strings.Repeat("b", 64), "https://map.example/g.tgz"), ""},
		{"mapping before mirror", map[string]string{"BP_DEPENDENCY_MIRROR": "https://mirror.example"}, mapping(digest, "file:///srv/g.tgz"), "file:///srv/g.tgz"},
		{"mapping that is no URI", nil, mapping(digest, "https://a b.example/%zz"), "error: the dependency-mapping for Go 1.22.1 is no URI"},
		{"mirror", map[string]string{"BP_DEPENDENCY_MIRROR": "https://mirror.example/x"}, nil, "https://mirror.example/x/dl/go1.22.1.linux-amd64.tar.gz"},
		{"mirror of the host", map[string]string{"BP_DEPENDENCY_MIRROR_UP__STREAM_EXAMPLE": "https://host.example", "BP_DEPENDENCY_MIRROR": "https://mirror.example"}, nil, "https://host.example/dl/go1.22.1.linux-amd64.tar.gz"},
		{"mirror of another host", map[string]string{"BP_DEPENDENCY_MIRROR_OTHER_EXAMPLE": "https://host.example"}, nil, ""},
		{"mirror by binding", nil, mirrors(map[string]string{"default": "https://mirror.example"}), "https://mirror.example/dl/go1.22.1.linux-amd64.tar.gz"},
		{"mirror of the host by binding", nil, mirrors(map[string]string{"up-stream.example": "https://host.example"}), "https://host.example/dl/go1.22.1.linux-amd64.tar.gz"},
		{"mirror of files", map[string]string{"BP_DEPENDENCY_MIRROR": "file:///srv/mirror"}, nil, "file:///srv/mirror/dl/go1.22.1.linux-amd64.tar.gz"},
		{"mirror with the original host", map[string]string{"BP_DEPENDENCY_MIRROR": "https://mirror.example/{originalHost}"}, nil, "https://mirror.example/up-stream.example/dl/go1.22.1.linux-amd64.tar.gz"},
		{"mirror with skip-path", map[string]string{"BP_DEPENDENCY_MIRROR": "mirror=https://mirror.example,skip-path=/dl"}, nil, "https://mirror.example/go1.22.1.linux-amd64.tar.gz"},
		{"mirror with a password", map[string]string{"BP_DEPENDENCY_MIRROR": "https://user:secret@mirror.example"}, nil, "https://user:secret@mirror.example/dl/go1.22.1.linux-amd64.tar.gz"},
		{"mirror that ends in a line break", map[string]string{"BP_DEPENDENCY_MIRROR": "https://mirror.example\n"}, nil, "https://mirror.example/dl/go1.22.1.linux-amd64.tar.gz"},
		{"blank mirror", map[string]string{"BP_DEPENDENCY_MIRROR": " \n"}, nil, ""},
		{"mirror over http", map[string]string{"BP_DEPENDENCY_MIRROR": "http://secret@mirror.example"}, nil, "error: the dependency mirror (BP_DEPENDENCY_MIRROR or a binding) is neither an https:// nor a file:// URI"},
		{"mirror without a scheme", map[string]string{"BP_DEPENDENCY_MIRROR": "secret.example"}, nil, "error: the dependency mirror (BP_DEPENDENCY_MIRROR or a binding) is neither"},
		{"mirror with a bad port", map[string]string{"BP_DEPENDENCY_MIRROR": "https://user:secret@mirror.example:port"}, nil, "error: the dependency mirror (BP_DEPENDENCY_MIRROR or a binding) is no URI"},
		{"mirror with a bad escape", map[string]string{"BP_DEPENDENCY_MIRROR": "https://secret.example/%zz"}, nil, "error: the dependency mirror (BP_DEPENDENCY_MIRROR or a binding) is no URI"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			r := Release{Version: MustParseVersion("1.22.1"), Arch: "amd64", URI: "https://up-stream.example" + tarballPath, Algorithm: "sha256", Digest: digest}
			u, err := locate(t, test.bindings)(r)
			got := ""
			switch {
			case err != nil:
				got = "error: " + err.Error()
				if strings.Contains(got, "secret") {
					t.Errorf("it tells: %s", got)
				}
			case u != nil:
				got = u.String()
			}
			if !strings.HasPrefix(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestInstallFromAMirror(t *testing.T) {
	t.Run("https", func(t *testing.T) {
		w := newFakeWorld(t)
		mirror := newFakeServer(t)
		mirror.replies["/m"+tarballPath] = []reply{sends(w.tarball)}
		t.Setenv("BP_DEPENDENCY_MIRROR", mirror.URL+"/m")
		w.Locate = locate(t, nil)
		w.install(t, mirror.URL+"/m"+tarballPath)
	})
	t.Run("file", func(t *testing.T) {
		w := newFakeWorld(t)
		root := t.TempDir()
		file := filepath.Join(root, filepath.FromSlash(tarballPath))
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		must(t, os.WriteFile(file, w.tarball, 0o600))
		t.Setenv("BP_DEPENDENCY_MIRROR", "file://"+root)
		w.Locate = locate(t, nil)
		w.install(t, "file://"+file)
	})
	t.Run("mapping", func(t *testing.T) {
		w := newFakeWorld(t)
		file := filepath.Join(t.TempDir(), "renamed")
		must(t, os.WriteFile(file, w.tarball, 0o600))
		w.Locate = locate(t, mapping(w.release.Digest, "file://"+file))
		w.install(t, "file://"+file)
	})
	t.Run("a mirror that lacks the file leaves the other places", func(t *testing.T) {
		w := newFakeWorld(t)
		t.Setenv("BP_DEPENDENCY_MIRROR", "file://"+t.TempDir())
		w.Locate = locate(t, nil)
		w.install(t, w.tarballURL())
	})
	t.Run("a mirror that is none is an error", func(t *testing.T) {
		w := newFakeWorld(t)
		t.Setenv("BP_DEPENDENCY_MIRROR", "http://mirror.example")
		w.Locate = locate(t, nil)
		w.fails(t, "neither an https:// nor a file:// URI")
	})
}

// asksForLogin sends data to who knows user and password.
func asksForLogin(user, password string, data []byte) reply {
	return func(w http.ResponseWriter, r *http.Request) {
		if u, p, _ := r.BasicAuth(); u != user || p != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write(data)
	}
}

func withUser(text, userinfo string) string {
	return strings.Replace(text, "://", "://"+userinfo+"@", 1)
}

func TestLoginFromTheURLIsSentAndNeverShown(t *testing.T) {
	for name, login := range map[string]struct{ userinfo, user, password string }{
		"user and password": {"alice:s3cret", "alice", "s3cret"},
		"token alone":       {"s3cret", "s3cret", ""},
		"escaped":           {"alice:s3cret%40%2F", "alice", "s3cret@/"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newFakeWorld(t)
			w.upstream.replies[tarballPath] = []reply{asksForLogin(login.user, login.password, w.tarball), answers(500), answers(404)}
			w.proxy.replies[modulePath] = []reply{asksForLogin(login.user, login.password, w.module), answers(404)}
			w.release.URI = withUser(w.release.URI, login.userinfo)
			w.Proxies = []Proxy{{URL: parse(t, withUser(w.proxy.URL, login.userinfo))}}
			w.install(t, withUser(w.tarballURL(), "xxxxx"))
			must(t, os.RemoveAll(w.dir))
			w.ProxyFirst = true
			w.install(t, withUser(w.moduleURL(), "xxxxx"))
			must(t, os.RemoveAll(w.dir))

			err := w.fails(t, withUser(w.tarballURL(), "xxxxx"), withUser(w.moduleURL(), "xxxxx"))
			w.release.URI = withUser(deadURL(), login.userinfo)
			w.Proxies = []Proxy{{URL: parse(t, withUser(deadURL(), login.userinfo))}}
			err = errors.Join(err, w.fails(t, "https://xxxxx@"))
			if strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "alice") {
				t.Errorf("it tells: %v", err)
			}
		})
	}
}

func TestLoginFromCredentials(t *testing.T) {
	w := newFakeWorld(t)
	w.Only = FromUpstream
	w.upstream.replies[tarballPath] = []reply{asksForLogin("alice", "s3cret", w.tarball)}
	w.Download.Credentials = func(u *url.URL) *url.Userinfo {
		if u.Hostname() != "127.0.0.1" {
			t.Errorf("asked for %q", u)
		}
		return url.UserPassword("alice", "s3cret")
	}
	w.install(t, w.tarballURL())

	t.Run("the URL's own login wins", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Only = FromUpstream
		w.upstream.replies[tarballPath] = []reply{asksForLogin("bob", "other", w.tarball)}
		w.release.URI = withUser(w.release.URI, "bob:other")
		w.Download.Credentials = func(*url.URL) *url.Userinfo { return url.UserPassword("alice", "s3cret") }
		w.install(t, withUser(w.tarballURL(), "xxxxx"))
	})
	t.Run("none for the host", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Download.Credentials = func(*url.URL) *url.Userinfo { return nil }
		w.install(t, w.tarballURL())
	})
	t.Run("never over plain http", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Only = FromUpstream
		plain := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "" {
				t.Error("the login was sent")
			}
			_, _ = rw.Write(w.tarball)
		}))
		defer plain.Close()
		w.release.URI = plain.URL + tarballPath
		w.Download.Credentials = func(*url.URL) *url.Userinfo { return url.UserPassword("alice", "s3cret") }
		w.install(t, w.release.URI)
	})
}

func TestProgressIsShownWithoutTheLogin(t *testing.T) {
	w := newFakeWorld(t)
	u := parse(t, withUser(w.tarballURL(), "alice:s3cret"))
	var shown []string
	body := &bodyReader{ctx: t.Context(), body: strings.NewReader("data"), total: 4, timer: time.NewTimer(time.Hour), url: withoutUser(u),
		progress: func(u *url.URL, done, total int64) { shown = append(shown, fmt.Sprint(u, " ", done, " of ", total)) }}
	body.reported = time.Now().Add(-2 * progressEvery)
	if _, err := body.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if _, err := body.Read(make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{withUser(w.tarballURL(), "xxxxx") + " 3 of 4"}, shown); diff != "" {
		t.Error(diff)
	}
	if u.User.String() != "alice:s3cret" {
		t.Error("the URL itself was changed")
	}
}

func TestTheServerHearsWhoAsks(t *testing.T) {
	w := newFakeWorld(t)
	var agent atomic.Value
	w.upstream.replies[tarballPath] = []reply{func(rw http.ResponseWriter, r *http.Request) {
		agent.Store(r.UserAgent())
		_, _ = rw.Write(w.tarball)
	}}
	w.install(t, w.tarballURL())
	if agent.Load() != "scalingo/go test" {
		t.Errorf("got %q", agent.Load())
	}
}

func TestAServerThatStallsIsGivenUp(t *testing.T) {
	w := newFakeWorld(t)
	w.Only = FromUpstream
	w.Download.Idle, w.Download.Attempts = 50*time.Millisecond, 2
	w.upstream.replies[tarballPath] = []reply{func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write(w.tarball[:100])
		rw.(http.Flusher).Flush()
		<-r.Context().Done()
	}}
	w.fails(t, w.tarballURL()+": the download broke off after ", " B: no data for 50ms")
	if got := len(w.upstream.requests()); got != 2 {
		t.Errorf("%d requests", got)
	}
}

func TestInstallEndsWithItsContext(t *testing.T) {
	w := newFakeWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	w.upstream.replies[tarballPath] = []reply{func(rw http.ResponseWriter, r *http.Request) {
		_, _ = rw.Write(w.tarball[:100])
		rw.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
	}}
	if _, err := w.Install(ctx, w.release, w.dir); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(w.proxy.requests()) > 0 {
		t.Error("it went on with the next place")
	}
	w.leftNothing(t)
}

func TestAReleaseWithASHA1AloneIsInstalledWithAWarning(t *testing.T) {
	w := newFakeWorld(t)
	sum := sha1.Sum(w.tarball) // #nosec G401 -- as upstream did
	w.release.Algorithm, w.release.Digest = "sha1", hex.EncodeToString(sum[:])
	w.install(t, w.tarballURL())
	if diff := cmp.Diff([]string{"upstream published only a SHA-1 for Go 1.22.1: that is what the download is verified with"}, w.logged); diff != "" {
		t.Error(diff)
	}
	t.Run("a wrong one is refused", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Only = FromUpstream
		w.release.Algorithm, w.release.Digest = "sha1", strings.Repeat("0", 40)
		w.fails(t, "checksum does not match")
	})
	t.Run("a SHA-256 needs no warning", func(t *testing.T) {
		w := newFakeWorld(t)
		w.install(t, w.tarballURL())
		if len(w.logged) > 0 {
			t.Errorf("got %q", w.logged)
		}
	})
}

func TestATarballWithoutGoIsNoDistribution(t *testing.T) {
	w := newFakeWorld(t)
	w.Only = FromUpstream
	data := fakeTarball(t, map[string]string{"VERSION": "go1.22.1\n"})
	w.release.Digest = digestOf(data)
	w.upstream.replies[tarballPath] = []reply{sends(data)}
	w.fails(t, w.tarballURL(), "holds no bin/go, so it is no Go distribution")
}

func TestAnUnknownAlgorithmVerifiesNothing(t *testing.T) {
	w := newFakeWorld(t)
	w.Only = FromUpstream
	w.release.Algorithm = "md5"
	w.fails(t, `no way to verify a tarball by "md5"`)
}

func TestADiskThatCannotBeWrittenIsAnError(t *testing.T) {
	t.Run("scratch is a file", func(t *testing.T) {
		for name, only := range map[string]DistSource{"tarball": FromUpstream, "module": FromGoproxy} {
			t.Run(name, func(t *testing.T) {
				w := newFakeWorld(t)
				w.Only = only
				scratch := filepath.Join(t.TempDir(), "file")
				must(t, os.WriteFile(scratch, nil, 0o600))
				w.Scratch = scratch
				if from, err := w.Install(t.Context(), w.release, w.dir); err == nil || !strings.Contains(err.Error(), "not a directory") {
					t.Errorf("from %q: %v", from, err)
				}
			})
		}
	})
	t.Run("the parent of the layer is a file", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Only = FromUpstream
		must(t, os.WriteFile(filepath.Dir(w.dir), nil, 0o600))
		w.fails(t, "not a directory")
		if got := len(w.upstream.requests()); got != 1 {
			t.Errorf("%d downloads", got)
		}
	})
	t.Run("the layer is there already", func(t *testing.T) {
		w := newFakeWorld(t)
		w.Only = FromUpstream
		must(t, os.MkdirAll(filepath.Join(w.dir, "bin"), 0o755))
		if _, err := w.Install(t.Context(), w.release, w.dir); err == nil {
			t.Error("it was replaced")
		}
	})
	t.Run("scratch is read-only", func(t *testing.T) {
		if os.Geteuid() == 0 {
			t.Skip("SKIPPED: root may write everywhere, so a read-only directory proves nothing")
		}
		w := newFakeWorld(t)
		must(t, os.Chmod(w.Scratch, 0o500)) // #nosec G302 -- a directory
		w.fails(t, "permission denied")
	})
}

func TestAnErrorOfTheReaderIsNoReasonForAnotherDownload(t *testing.T) {
	w := newFakeWorld(t)
	full := errors.New("disk full")
	err := w.Download.Read(t.Context(), parse(t, w.tarballURL()), func(io.Reader) error { return full })
	if !errors.Is(err, full) || err.Error() != "disk full" || len(w.upstream.requests()) != 1 {
		t.Errorf("got %v after %d requests", err, len(w.upstream.requests()))
	}
}
