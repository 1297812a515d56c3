package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is all that a run has measured.
type report struct {
	Date      string          `json:"date"`
	Machine   string          `json:"machine"`
	Go        string          `json:"go"`
	GOGC      string          `json:"gogc"`
	Rounds    int             `json:"rounds"`
	PlaneSlot time.Duration   `json:"plane_slot_ns"`
	HostSlot  time.Duration   `json:"host_slot_ns"`
	Claims    []verdict       `json:"claims"`
	Cells     []*cell         `json:"cells"`
	Idle      *idleResult     `json:"idle,omitempty"`
	Verify    *verifyResult   `json:"verify,omitempty"`
	Admin     *adminResult    `json:"admin,omitempty"`
	Drops     []time.Duration `json:"drop_to_first_answer_ns,omitempty"` // sorted
}

func newReport(p plan) *report {
	gogc := os.Getenv("GOGC")
	if gogc == "" {
		gogc = "default (100)"
	}
	return &report{
		Date: time.Now().UTC().Format(time.DateOnly), Machine: machine(), Go: runtime.Version(),
		GOGC: gogc, Rounds: p.rounds, PlaneSlot: p.planeSlot, HostSlot: p.hostSlot,
	}
}

func machine() string {
	model := runtime.GOARCH
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if _, after, ok := strings.Cut(string(info), "model name\t: "); ok {
			model, _, _ = strings.Cut(after, "\n")
		}
	}
	return fmt.Sprintf("%d × %s, %s", runtime.NumCPU(), model, runtime.GOOS)
}

// find returns the cell of a shape whose payload is as large or nearly: that of JSON
// is some bytes off.
func (r *report) find(s shape) *cell {
	for _, c := range r.Cells {
		like := c.shape
		if d := like.Payload - s.Payload; -8 <= d && d <= 8 {
			like.Payload = s.Payload
		}
		if like == s {
			return c
		}
	}
	return nil
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "%s, %s, GOGC %s, %s; %d rounds, slots of %s (planes) and %s (hosts), in turn\n",
		r.Machine, r.Go, r.GOGC, r.Date, r.Rounds, r.PlaneSlot, r.HostSlot)
	fmt.Fprintln(w, "Figures are medians; × is the median of the ratios to the last row of a group, each of one round, and their quartiles.")
	var titles []string
	for _, c := range r.Cells {
		if title := strings.TrimSpace(c.Section + " " + c.What); !slices.Contains(titles, title) {
			titles = append(titles, title)
		}
	}
	for _, title := range titles {
		fmt.Fprintf(w, "\n%s\n", title)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(tw, "payload\tcallers\t\trequests/s\t×\tquartiles\tp50\t×\tp99\t×\tp99.9\tCPU host\tchild\tallocs\tMiB host\tchild\tclean\t")
		for _, c := range r.Cells {
			if strings.TrimSpace(c.Section+" "+c.What) == title {
				c.print(tw)
			}
		}
		tw.Flush()
	}
	r.printOthers(w)
	r.printVerify(w)
	r.printAdmin(w)
	r.printClaims(w)
}

// print writes a row for each contestant.
func (c *cell) print(w io.Writer) {
	for _, name := range c.Order {
		rate := c.ratios(name, c.Reference, perSecond)
		made := "–"
		if c.Section == "plane" || c.Section == "mixed" {
			made = fmt.Sprintf("%.1f", c.median(name, allocs))
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%s\t%s–%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%.1f\t%.1f\t%d/%d\t\n",
			size(c.Payload), c.Callers, name, c.median(name, perSecond),
			figure(middle(rate)), figure(quantile(rate, 0.25)), figure(quantile(rate, 0.75)),
			duration(c.median(name, p50)), figure(middle(c.ratios(name, c.Reference, p50))),
			duration(c.median(name, p99)), figure(middle(c.ratios(name, c.Reference, p99))),
			duration(c.median(name, p999)),
			duration(c.median(name, hostCPU)), duration(c.median(name, childCPU)), made,
			c.median(name, hostRSS)/mib, c.median(name, childRSS)/mib, c.clean(name), len(c.Slots[name]))
	}
}

// clean counts the slots that strangers did not disturb.
func (c *cell) clean(name string) int {
	n := 0
	for _, s := range c.Slots[name] {
		if !s.Dirty {
			n++
		}
	}
	return n
}

func (r *report) printOthers(w io.Writer) {
	if r.Idle != nil {
		fmt.Fprintf(w, "\n%d idle WebSockets, opened in %s: %.1f KiB of the host's memory each\n",
			r.Idle.Connections, r.Idle.Opened.Round(time.Millisecond), r.Idle.BytesEach/kib)
	}
	if n := len(r.Drops); n > 0 {
		fmt.Fprintf(w, "\ndrop (rename) to first answer: median %s, worst %s of %d\n",
			r.Drops[n/2].Round(time.Millisecond), r.Drops[n-1].Round(time.Millisecond), n)
	}
}

func (r *report) printVerify(w io.Writer) {
	if v := r.Verify; v != nil {
		fmt.Fprintf(w, "\nverify a signed bundle of %.1f MiB: %s of the time of unzip -t, %s of its CPU time\n",
			float64(v.Bytes)/mib, figure(middle(v.Time)), figure(middle(v.CPU)))
	}
}

func (r *report) printAdmin(w io.Writer) {
	a := r.Admin
	if a == nil {
		return
	}
	fmt.Fprintf(w, "\noverview of %d extensions: %.1f ms a load (%.1f–%.1f; %.1f ms of CPU time), %.1f KiB of HTML, %.1f KiB in %d parts on a first visit (%.1f KiB unpacked)\n",
		a.Extensions, middle(a.Render), slices.Min(a.Render), slices.Max(a.Render), middle(a.RenderCPU),
		float64(a.Page)/kib, float64(a.All)/kib, a.Parts, float64(a.Unpacked)/kib)
	fmt.Fprintf(w, "scrape with %d families of each extension's own: %.1f ms (%.1f–%.1f), %.1f KiB\n",
		ownFamilies, middle(a.Scrape), slices.Min(a.Scrape), slices.Max(a.Scrape), float64(a.ScrapeBytes)/kib)
	fmt.Fprintf(w, "kept open live in a browser for %s, %d changes meanwhile: %.1f %% of one core, %.1f %% without it\n",
		a.Span, a.Events, 100*a.Open, 100*a.Closed)
}

func (r *report) printClaims(w io.Writer) {
	if len(r.Claims) == 0 {
		return
	}
	fmt.Fprint(w, "\nclaims\n")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "claim\tmeasured\tleast–most\trounds\tmust\taim\tholds")
	for _, v := range r.Claims {
		sign := "≤"
		if v.AtLeast {
			sign = "≥"
		}
		measured, spread := "–", "–"
		if v.Rounds > 0 {
			measured, spread = figure(v.Measured), figure(v.Low)+"–"+figure(v.High)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%d\t%s %s\t%s %s\t%s\n",
			v.Claim, measured, spread, v.Rounds, sign, figure(v.Must), sign, figure(v.Aim), v.Holds)
	}
	tw.Flush()
}

func (r *report) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o644)
}

// figure shows three digits of a ratio.
func figure(x float64) string {
	switch {
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	case x >= 10:
		return fmt.Sprintf("%.1f", x)
	case x >= 1:
		return fmt.Sprintf("%.2f", x)
	}
	return fmt.Sprintf("%.3f", x)
}

func duration(ns float64) string {
	d := time.Duration(ns)
	switch {
	case d < 100*time.Microsecond:
		return d.Round(100 * time.Nanosecond).String()
	case d < 10*time.Millisecond:
		return d.Round(time.Microsecond).String()
	}
	return d.Round(100 * time.Microsecond).String()
}

func size(bytes int) string {
	switch {
	case bytes >= mib:
		return fmt.Sprintf("%d MiB", bytes/mib)
	case bytes >= kib-8:
		return fmt.Sprintf("%d KiB", (bytes+8)/kib)
	}
	return fmt.Sprintf("%d B", bytes)
}
