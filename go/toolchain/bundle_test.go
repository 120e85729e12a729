package toolchain

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestWhatIsSavedIsInstalledWithoutANetwork: what Save puts into the bundle is what Install finds there.
func TestWhatIsSavedIsInstalledWithoutANetwork(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(w *fakeWorld)
		module bool
	}{
		{"upstream's tarball", func(*fakeWorld) {}, false},
		{"the proxies come first", func(w *fakeWorld) { w.ProxyFirst = true }, true},
		{"upstream does not answer", func(w *fakeWorld) { w.upstream.Close() }, true},
		{"upstream published a SHA-1 only", func(w *fakeWorld) { w.release.Algorithm = "sha1" }, true},
		{"no proxy", func(w *fakeWorld) { w.Proxies, w.ProxyFirst = nil, true }, false},
		{"the first proxy lacks it", func(w *fakeWorld) {
			w.Proxies = append([]Proxy{{URL: parse(t, deadURL())}}, w.Proxies...)
			w.ProxyFirst = true
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newFakeWorld(t)
			c.change(w)
			want, file := w.tarballURL(), w.Bundle.tarball(w.release)
			if c.module {
				want, file = w.moduleURL(), w.Bundle.module(w.release)
			}
			from, err := w.Save(t.Context(), w.release)
			if err != nil || from != want {
				t.Fatalf("Save() = %s, %v, want %s", from, err, want)
			}
			if versions := w.Bundle.Versions(); !slices.Equal(versions, []string{"1.22.1"}) {
				t.Errorf("the bundle says that it has %v", versions)
			}
			w.leftNothing(t)
			asked := len(w.upstream.requests()) + len(w.proxy.requests())
			w.install(t, "file://"+file)
			if len(w.upstream.requests())+len(w.proxy.requests()) > asked {
				t.Error("the installation went to the network")
			}
		})
	}
}

// TestSaveKeepsNothingThatIsWrong and says what was.
func TestSaveKeepsNothingThatIsWrong(t *testing.T) {
	w := newFakeWorld(t)
	w.upstream.replies[tarballPath] = []reply{sends(w.tarball[:len(w.tarball)/2])}
	other, _ := fakeModule(t, w.release.ModuleVersion(), map[string]string{"bin/go": "another one"})
	w.proxy.replies[modulePath] = []reply{sends(other)}
	_, err := w.Save(t.Context(), w.release)
	if !errors.Is(err, errChecksum) {
		t.Fatalf("Save() = %v", err)
	}
	for _, want := range []string{"go 1.22.1 could not be had", w.tarballURL(), w.moduleURL()} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
	if versions := w.Bundle.Versions(); versions != nil {
		t.Errorf("the bundle has %v", versions)
	}
	w.leftNothing(t)
}

// TestADamagedBundleIsNoWayToGo, but others may be.
func TestADamagedBundleIsNoWayToGo(t *testing.T) {
	w := newFakeWorld(t)
	w.ProxyFirst = true
	_, err := w.Save(t.Context(), w.release)
	must(t, err)
	must(t, os.WriteFile(w.Bundle.module(w.release), bytes.Replace(w.module, []byte("PK"), []byte("pk"), 1), 0o600))
	w.install(t, w.moduleURL())

	w = newFakeWorld(t)
	w.ProxyFirst = true
	_, err = w.Save(t.Context(), w.release)
	must(t, err)
	w.release.Version = MustParseVersion("1.22.2") // which is not bundled
	w.upstream.Close()
	w.proxy.Close()
	_, err = w.Install(t.Context(), w.release, w.dir)
	if err == nil || !strings.Contains(err.Error(), "Without a network this buildpack has Go 1.22.1") {
		t.Errorf("Install() = %v", err)
	}
}
