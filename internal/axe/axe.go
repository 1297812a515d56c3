// Package axe looks for what keeps people out of a page: it runs axe-core, which is in
// axe.min.js as its makers release it (version 4.14.1, MPL-2.0, LICENSE), in a browser
// that a test drives. Check is all there is. It is for tests only.
package axe

import (
	"context"
	_ "embed"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

//go:embed axe.min.js
var source string

// timeout is how long one look may take; a page of 200 rows takes a few seconds.
const timeout = time.Minute

// violation is one rule that a page breaks, as the script below tells it.
type violation struct {
	ID     string   `json:"id"`
	Impact string   `json:"impact"`
	Help   string   `json:"help"`
	Nodes  []string `json:"nodes"`
}

// run has axe look for breaches of WCAG 2.2, levels A and AA.
const run = `(async () => {
	const found = await axe.run(document, {
		runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] },
		resultTypes: ["violations"],
	});
	return found.violations.map((v) => ({
		id: v.id, impact: v.impact || "", help: v.help,
		nodes: v.nodes.slice(0, 5).map((n) => n.html.slice(0, 200) + " – " + (n.failureSummary || "").replaceAll("\n", " ").slice(0, 300)),
	}));
})()`

// Check fails the test for each rule that the page in the browser of ctx breaks with a
// serious or critical impact. what names the page. The lesser ones are logged.
func Check(ctx context.Context, t *testing.T, what string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](source+"\n;true")); err != nil {
		t.Fatalf("%s: bringing axe into the page: %v", what, err)
	}
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]violation](run, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatalf("%s: looking with axe: %v", what, err)
	}
	for _, v := range found {
		text := fmt.Sprintf("%s: %s (%s): %s\n\t%s", what, v.ID, v.Impact, v.Help, strings.Join(v.Nodes, "\n\t"))
		if v.Impact == "serious" || v.Impact == "critical" {
			t.Error(text)
		} else {
			t.Log(text)
		}
	}
}
