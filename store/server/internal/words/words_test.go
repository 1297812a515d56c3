package words

import (
	"testing"

	"github.com/jackfield-host/jackfield/internal/language"
)

func TestBothLanguagesSayEverything(t *testing.T) {
	for _, fault := range language.Faults(catalogs()...) {
		t.Error(fault)
	}
}
