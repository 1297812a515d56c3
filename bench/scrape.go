package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// ownFamilies is how many families each extension measures of itself, for a scrape.
const ownFamilies = 20

// ownMetrics is what an extension says of itself: counters and gauges, three series each.
func ownMetrics() string {
	var b strings.Builder
	for i := range ownFamilies {
		kind := []string{"counter", "gauge"}[i%2]
		fmt.Fprintf(&b, "# HELP job_%d_total Jobs of kind %d.\n# TYPE job_%d_total %s\n", i, i, i, kind)
		for _, zone := range []string{"a", "b", "c"} {
			fmt.Fprintf(&b, "job_%d_total{zone=%q} %d\n", i, zone, i*1000)
		}
	}
	return b.String()
}

// scrapes gives each extension metrics of its own and takes the time of a scrape.
func (a *administrator) scrapes(ctx context.Context, n int, result *adminResult) error {
	demand, err := json.Marshal(map[string]string{"metrics": ownMetrics()})
	if err != nil {
		return err
	}
	for _, name := range a.names {
		resp, err := http.Post("http://"+a.host.addr+"/v1/requests/"+strings.TrimSuffix(name, ".Class")+".Request", "application/json", bytes.NewReader(demand))
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			return fmt.Errorf("telling %s what to measure: %s, %v", name, resp.Status, err)
		}
	}
	for range n {
		began := time.Now()
		text, _, err := a.get(ctx, http.MethodGet, "/metrics", "identity")
		if err != nil {
			return err
		}
		result.Scrape = append(result.Scrape, float64(time.Since(began))/float64(time.Millisecond))
		if own := bytes.Count(text, []byte("\next_")); own != len(a.names)*ownFamilies*3 {
			return fmt.Errorf("a scrape has %d series of %d extensions' own, not all", own, len(a.names))
		}
		result.ScrapeBytes = len(text)
	}
	return nil
}
