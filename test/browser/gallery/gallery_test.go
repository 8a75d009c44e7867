package gallery_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"

	"github.com/watchword-io/watchword/test/browser/gallery"
)

// TestEveryPageIsShown reads the view models from the source, so that a new page cannot be forgotten here.
func TestEveryPageIsShown(t *testing.T) {
	shown := map[string]bool{}
	for _, sample := range gallery.Samples() {
		shown[reflect.TypeOf(sample.Page).Name()] = true
	}
	files, err := filepath.Glob("../../../internal/server/pages/*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range regexp.MustCompile(`func \(p (\w+)\) view\(\) view`).FindAllStringSubmatch(string(source), -1) {
			found++
			if !shown[match[1]] {
				t.Errorf("page %s has no sample in the gallery", match[1])
			}
		}
	}
	if found != len(shown) {
		t.Errorf("found %d pages in the source, the gallery shows %d", found, len(shown))
	}
}

func TestHandlerServesEverySample(t *testing.T) {
	handler := gallery.Handler()
	for _, sample := range gallery.Samples() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/"+sample.Name, nil))
		if w.Code != sample.Status {
			t.Errorf("GET /%s: status %d, want %d: %s", sample.Name, w.Code, sample.Status, w.Body)
		}
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusOK {
		t.Errorf("GET /: status %d, want 200", w.Code)
	}
}
