// Package scrape puts the metrics that extensions say of themselves into the host's own: a
// Scraper asks them whenever somebody wants to know, all at once, and is a Gatherer beside
// the host's registry.
//
// What is promised: an answer comes within Patience and the time to read what there is,
// whoever hangs; every family is shown as ext_<name> with the label extension; a family
// that is not as package exposition wants it is left out and counted, and takes nothing
// with it. Where two extensions have one name with different types, that one keeps it who
// had it first, as long as it runs.
package scrape

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"google.golang.org/protobuf/proto"

	"github.com/jackfield-host/jackfield/internal/exposition"
	"github.com/jackfield-host/jackfield/sdk"
)

const (
	// Patience is how long the extensions have to answer, all of them together.
	Patience = time.Second
	// Prefix is put before the name of each family.
	Prefix = "ext_"
)

// Source is an extension that may have metrics of its own.
type Source struct {
	Extension string // its id
	// Collect asks it: text as sdk.Collector returns it. The error is an *sdk.Error,
	// unimplemented from one that never has any and unavailable from one that does not run
	// just now. Nil is the same as unavailable.
	Collect func(ctx context.Context) ([]byte, error)
}

// Config is what a Scraper is made from; all of it is required.
type Config struct {
	// Sources are the extensions that there are, running or not. Nobody else's metrics are
	// remembered.
	Sources func() []Source
	Log     *slog.Logger
}

// Scraper asks extensions for their metrics. It is a prometheus.Gatherer.
type Scraper struct {
	cfg    Config
	errors *prometheus.CounterVec

	// whole and single keep those who ask from asking an extension many times at once.
	whole, single sync.Mutex

	mu      sync.Mutex
	settled map[holding]bool             // what extensions have, as of the last whole scrape
	told    map[string]map[reasonOf]bool // by extension: what the log has said
}

// holding is a family that an extension shows. Each says at most MaxFamilies.
type holding struct {
	extension string
	exposition.Taken
}

type reasonOf = exposition.Reason

// New makes a Scraper.
func New(cfg Config) *Scraper {
	return &Scraper{
		cfg: cfg, settled: map[holding]bool{}, told: map[string]map[reasonOf]bool{},
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "jackfield_extension_metrics_errors_total",
			Help: "Answers and families of an extension's own metrics that are not shown, by reason.",
		}, []string{"extension", "reason"}),
	}
}

// Collectors returns the Scraper's own metrics.
func (s *Scraper) Collectors() []prometheus.Collector { return []prometheus.Collector{s.errors} }

// Gather implements prometheus.Gatherer. It never fails: what is wrong is counted.
func (s *Scraper) Gather() ([]*dto.MetricFamily, error) {
	s.whole.Lock()
	defer s.whole.Unlock()
	sources := s.cfg.Sources()
	slices.SortFunc(sources, func(a, b Source) int { return strings.Compare(a.Extension, b.Extension) })
	answers := ask(sources)
	s.forget(sources)
	return s.merge(answers, true), nil
}

// GathererOf returns a Gatherer of one extension's own metrics.
func (s *Scraper) GathererOf(extension string) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		s.single.Lock()
		defer s.single.Unlock()
		sources := slices.DeleteFunc(s.cfg.Sources(), func(x Source) bool { return x.Extension != extension })
		return s.merge(ask(sources), false), nil
	})
}

// answer is what came of asking one extension.
type answer struct {
	extension string
	silent    bool // it has said nothing, so that what it had is still its own
	families  []*dto.MetricFamily
	refused   []exposition.Refusal
}

// ask asks all at once, and reads what they say, as many as there are processors.
func ask(sources []Source) []answer {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	answers := make([]answer, len(sources))
	reading := make(chan struct{}, runtime.GOMAXPROCS(0))
	var asked sync.WaitGroup
	for i, source := range sources {
		answers[i] = answer{extension: source.Extension, silent: true}
		if source.Collect == nil {
			continue
		}
		asked.Go(func() {
			text, err := source.Collect(ctx)
			if err != nil {
				answers[i].refused = refusalOf(err)
				return
			}
			reading <- struct{}{}
			defer func() { <-reading }()
			answers[i].silent = false
			answers[i].families, answers[i].refused = exposition.Read(text)
		})
	}
	asked.Wait()
	return answers
}

// refusalOf says why there is no answer, nil for one that nobody expected.
func refusalOf(err error) []exposition.Refusal {
	reason := exposition.Failed
	switch sdk.CodeOf(err) {
	case sdk.Unimplemented, sdk.Unavailable:
		return nil
	case sdk.DeadlineExceeded:
		reason = exposition.Timeout
	case sdk.TooLarge:
		reason = exposition.TooLarge
	}
	detail := err.Error()
	var said *sdk.Error
	if errors.As(err, &said) {
		detail = said.Message
	}
	return []exposition.Refusal{{Reason: reason, Detail: detail}}
}

// merge puts the families of all together, those with what they had before first. With
// settle what is shown now is what they have from now on.
func (s *Scraper) merge(answers []answer, settle bool) []*dto.MetricFamily {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, shown := exposition.Names{}, map[holding]bool{}
	known := map[string]bool{} // who has answered
	for _, a := range answers {
		known[a.extension] = !a.silent
	}
	for h := range s.settled {
		if !known[h.extension] {
			names.Share(h.Taken)
			shown[h] = true
		}
	}
	for i := range answers {
		for _, f := range answers[i].families {
			if h := held(answers[i].extension, f); s.settled[h] {
				names.Share(h.Taken)
			}
		}
	}
	merged := map[string]*dto.MetricFamily{}
	for _, a := range answers {
		for _, f := range a.families {
			h := held(a.extension, f)
			if other, free := names.Share(h.Taken); !free {
				a.refused = append(a.refused, exposition.Refusal{Family: f.GetName(), Reason: exposition.TypeClash, Detail: "the name is that of " + other.String() + " of another extension"})
				continue
			}
			shown[h] = true
			add(merged, a.extension, f)
		}
		s.refuse(a.extension, a.refused)
	}
	if settle {
		s.settled = shown
	}
	return sorted(merged)
}

func held(extension string, f *dto.MetricFamily) holding {
	return holding{extension, exposition.Taken{Family: f.GetName(), Type: f.GetType()}}
}

// add puts the series of a family under its name in the scrape, each with the label of its
// extension. The first HELP is that of all.
func add(to map[string]*dto.MetricFamily, extension string, f *dto.MetricFamily) {
	label := &dto.LabelPair{Name: proto.String(exposition.ExtensionLabel), Value: proto.String(extension)}
	for _, m := range f.Metric {
		at, _ := slices.BinarySearchFunc(m.Label, exposition.ExtensionLabel, func(l *dto.LabelPair, name string) int {
			return strings.Compare(l.GetName(), name)
		})
		m.Label = slices.Insert(m.Label, at, label)
	}
	if there := to[f.GetName()]; there != nil {
		there.Metric = append(there.Metric, f.Metric...)
		return
	}
	to[f.GetName()] = f
	f.Name = proto.String(Prefix + f.GetName())
	if f.Help == nil {
		f.Help = proto.String("")
	}
}

func sorted(families map[string]*dto.MetricFamily) []*dto.MetricFamily {
	list := make([]*dto.MetricFamily, 0, len(families))
	for _, f := range families {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b *dto.MetricFamily) int { return strings.Compare(a.GetName(), b.GetName()) })
	return list
}

// refuse counts what is not shown. The log says it once for each extension and reason: it
// happens again with every scrape.
func (s *Scraper) refuse(extension string, refused []exposition.Refusal) {
	for _, r := range refused {
		s.errors.WithLabelValues(extension, string(r.Reason)).Inc()
		if s.told[extension][r.Reason] {
			continue
		}
		if s.told[extension] == nil {
			s.told[extension] = map[reasonOf]bool{}
		}
		s.told[extension][r.Reason] = true
		s.cfg.Log.Warn("metrics of an extension are not shown", "ext", extension, "family", r.Family, "reason", string(r.Reason), "error", r.Detail)
	}
}

// forget drops what is remembered of extensions that are gone.
func (s *Scraper) forget(sources []Source) {
	there := make(map[string]bool, len(sources))
	for _, source := range sources {
		there[source.Extension] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for h := range s.settled {
		if !there[h.extension] {
			delete(s.settled, h)
		}
	}
	for extension := range s.told {
		if !there[extension] {
			delete(s.told, extension)
			s.errors.DeletePartialMatch(prometheus.Labels{"extension": extension})
		}
	}
}
