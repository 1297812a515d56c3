package server

import (
	"net/http"
	"net/http/pprof"
	"net/url"
	"reflect"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/jackfield-host/jackfield/internal/negotiate"
	"github.com/jackfield-host/jackfield/internal/openapi"
	"github.com/jackfield-host/jackfield/store"
	"github.com/jackfield-host/jackfield/store/server/internal/api"
	"github.com/jackfield-host/jackfield/store/server/internal/markdown"
	"github.com/jackfield-host/jackfield/store/server/internal/publishing"
	"github.com/jackfield-host/jackfield/store/server/internal/web"
)

// newHandler puts together what answers: the API and what is beside it, then the faces.
func (s *Server) newHandler(registry *prometheus.Registry, metrics *web.Metrics) (http.Handler, error) {
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	registry.MustRegister(metrics.Collectors()...)
	registry.MustRegister(s.desk.Collectors()...)
	registry.MustRegister(newGauges(s), s.queries.duration, s.queries.failures)
	if s.drop != nil {
		registry.MustRegister(s.drop.Collectors()...)
	}
	faces, err := s.newFaces()
	if err != nil {
		return nil, err
	}
	site := &web.Site{Tokens: s.database, Log: s.cfg.Log, Metrics: metrics, Proxies: s.cfg.Proxies, Faces: faces, Stall: s.cfg.Stall,
		Rates: web.Rates{Search: rateOf(s.cfg.SearchRate), Write: rateOf(s.cfg.WriteRate)}}
	handler := site.Handler(s.routes(registry))
	if prefix := strings.TrimSuffix(s.cfg.BaseURL.Path, "/"); prefix != "" {
		handler = below(prefix, handler)
	}
	return handler, nil
}

func rateOf(second int) web.Rate { return web.Rate{Second: float64(second), Burst: 3 * second} }

// below serves what is below prefix, and health and metrics where they are looked for.
func below(prefix string, handler http.Handler) http.Handler {
	stripped := http.StripPrefix(prefix, handler)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/healthz", "/readyz", "/metrics":
			handler.ServeHTTP(w, r)
		case prefix:
			to := &url.URL{Path: prefix + "/", RawQuery: r.URL.RawQuery}
			if !r.URL.Query().Has("arch") {
				http.Redirect(w, r, to.String(), http.StatusPermanentRedirect)
				return
			}
			// Jami's client appends its query to the address that it was given, slash or not.
			r = r.Clone(r.Context())
			r.URL = to
			stripped.ServeHTTP(w, remember(r))
		default:
			stripped.ServeHTTP(w, remember(r))
		}
	})
}

func (s *Server) routes(registry *prometheus.Registry) []web.Route {
	metrics := web.Administer
	if s.cfg.MetricsOpen {
		metrics = web.Open
	}
	exposition := promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry})
	routes := []web.Route{
		{Method: "GET", Path: "/healthz", Right: web.Open, Serve: healthz},
		{Method: "GET", Path: "/readyz", Right: web.Open, Serve: s.readyz},
		{Method: "GET", Path: "/metrics", Right: metrics, Serve: plain(exposition.ServeHTTP)},
		{Method: "GET", Path: "/debug/pprof/", Right: web.Administer, Serve: plain(pprof.Index)},
		{Method: "GET", Path: "/debug/pprof/profile", Right: web.Administer, Serve: plain(pprof.Profile)},
		{Method: "GET", Path: "/debug/pprof/trace", Right: web.Administer, Serve: plain(pprof.Trace)},
		{Method: "GET", Path: "/debug/pprof/{profile}", Right: web.Administer, Serve: plain(pprof.Index)},
	}
	reading := api.New(api.Config{
		Catalogue: s.catalogue, Database: s.database, Blobs: s.blobs, Downloaded: s.counter.Count, Summary: markdown.New().Summary,
	})
	writing := publishing.New(publishing.Config{Desk: s.desk, Database: s.database, MaxBytes: s.cfg.MaxBytes, Now: now, Settle: s.settle})
	routes = append(append(append(routes, reading.Routes()...), writing.Routes()...), s.mattermost().Routes()...)
	return append(routes, description(routes, s.cfg.Version))
}

// plain is a route of a handler that writes its errors itself.
func plain(serve http.HandlerFunc) web.Serve {
	return func(w http.ResponseWriter, r *http.Request) error {
		serve(w, r)
		return nil
	}
}

// description is the route that describes those of routes that are the API, and itself.
func description(routes []web.Route, version string) web.Route {
	route := web.Route{Method: "GET", Path: "/api/v1/openapi.json", Right: web.Open, Doc: &openapi.Doc{
		ID: "describe", Summary: "This description", Answers: openapi.OK("An OpenAPI 3.1 document", map[string]any{}),
	}}
	made := sync.OnceValues(func() ([]byte, error) { return document(append(routes, route), version) })
	route.Serve = func(w http.ResponseWriter, _ *http.Request) error {
		body, err := made()
		if err != nil {
			return err
		}
		w.Header().Set("Cache-Control", "no-cache")
		return negotiate.WriteEncoded(w, body)
	}
	return route
}

func document(routes []web.Route, version string) ([]byte, error) {
	described := make([]openapi.Route, len(routes))
	for i, r := range routes {
		described[i] = openapi.Route{Method: r.Method, Path: r.Path, Right: string(r.Right), Open: r.Right == web.Open, Doc: r.Doc}
	}
	return openapi.Document(openapi.API{
		Title: "Jackfield store", Version: version,
		Description: "What a store offers, and how it is published.",
		Bearer:      "A token of the store.",
		Problem:     web.Problem{}, Codes: web.Codes(), Enums: enums(),
		InPath: func(name string) string {
			switch name {
			case "id":
				return "The id of the listing; ids that read alike are one"
			case "version":
				return "The version, exactly as its author wrote it"
			case "n":
				return "The number"
			}
			return "The " + name
		},
		Common: []string{web.InvalidArgument, web.MethodNotAllowed, web.Exhausted, web.Internal, web.Unavailable},
	}, described)
}

// enums are the closed sets of the API.
func enums() openapi.Enums {
	var codes []string
	for _, c := range web.Codes() {
		codes = append(codes, c.Code)
	}
	return openapi.Enums{
		Types: map[reflect.Type][]string{
			reflect.TypeFor[store.Format]():       words(store.FormatBundle, store.FormatJami, store.FormatJameica),
			reflect.TypeFor[store.ReleaseState](): words(store.Published, store.Deprecated, store.Withdrawn, store.TakenDown),
			reflect.TypeFor[store.Channel]():      words(store.Stable, store.Beta, ""),
			reflect.TypeFor[store.Severity]():     words(store.Low, store.Medium, store.High, store.Critical),
			reflect.TypeFor[store.SubmissionState](): words(store.Submitted, store.Checking, store.NeedsChanges, store.InReview,
				store.Approved, store.Accepted),
			reflect.TypeFor[store.Role](): words(store.RolePublisher, store.RoleReviewer, store.RoleAdministrator),
		},
		Fields: map[string][]string{"Problem.code": codes},
		Names:  map[reflect.Type]string{reflect.TypeFor[store.Problem](): "Finding"}, // not what RFC 9457 calls a problem
	}
}

func words[S ~string](set ...S) []string {
	list := make([]string, len(set))
	for i, s := range set {
		list[i] = string(s)
	}
	return list
}
