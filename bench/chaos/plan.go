package main

import "time"

// shortMode is the name of the plan that is a test.
const shortMode = "short"

// plan is how much of everything is done.
type plan struct {
	mode         string
	upgrades     int  // good ones, half of them overlap, half exclusive
	rounds       int  // of every kind of bad upgrade, in each of both ways
	halves       bool // each kind in one of the ways only
	childKills   int  // in each of the three batches
	stops        int  // SIGSTOP
	hostKills    int
	planKills    int // of hosts while they install
	backups      int
	redeploys    int
	warm         int // redeploys before them: buffers are made, pools, caches and kept versions filled
	extensions   int
	alternations int           // alone and beside, at least; a few more where that is needed
	slot         time.Duration // of one of these: a long one has a hang and its replacement in it
	crashes      int           // of what is to be in a crash loop, before that is measured
	probation    time.Duration
	drain        time.Duration
	away         time.Duration // of a lost folder: more than one rescan
	rough        int           // upgrades beside rough handlers, in each way
	stalls       bool          // wait out what takes a minute
	rssGrowth    float64
	collections  int // before what is resident is compared
}

// inTime is ten minutes, or another length in proportion.
func inTime(length time.Duration) plan {
	share := float64(length) / float64(10*time.Minute)
	scaled := func(n int) int { return max(int(float64(n)*share), 1) }
	// What is too short for a crash loop to come about measures its first crashes.
	slot, crashes := 15*time.Second, crashLoop
	if share < 1 {
		slot, crashes = 4*time.Second, 1
	}
	return plan{
		mode: length.String(), upgrades: max(scaled(40), 2), rounds: 1, childKills: scaled(20), stops: scaled(1), hostKills: scaled(25), planKills: scaled(25), backups: scaled(4),
		redeploys: max(scaled(100), 20), warm: max(scaled(25), 16), extensions: 100, alternations: 3, slot: slot, crashes: crashes, rough: scaled(3), stalls: share >= 1,
		probation: 3 * time.Second, drain: 5 * time.Second, away: 5 * time.Second, rssGrowth: 0.05, collections: 6,
	}
}

// short is what make test runs: under two minutes, everything but what only waits.
func short() plan {
	return plan{
		mode: shortMode, upgrades: 4, rounds: 1, halves: true, childKills: 3, hostKills: 5, planKills: 3, backups: 2, redeploys: 20, warm: 16, extensions: 30,
		alternations: 3, slot: 1500 * time.Millisecond, crashes: 1, rough: 1,
		probation: 1500 * time.Millisecond, drain: 2 * time.Second, away: 2200 * time.Millisecond, rssGrowth: 0.25, collections: 1, // few redeploys are all warm-up
	}
}

// long is the full counts: with the bad ones, over 200 upgrades. The history of what is
// redeployed has reached its bound, 1 000 events for each, when its redeploys are counted.
func long() plan {
	return plan{
		mode: "long", upgrades: 152, rounds: 3, childKills: 100, stops: 5, hostKills: 200, planKills: 200, backups: 30, redeploys: 1000, warm: 1300, extensions: 100,
		alternations: 5, slot: 30 * time.Second, crashes: crashLoop, rough: 10, stalls: true,
		probation: 3 * time.Second, drain: 5 * time.Second, away: 5 * time.Second, rssGrowth: 0.05, collections: 6,
	}
}

// bound is when a run is broken off: nothing may wait for ever.
func (p plan) bound(length time.Duration) time.Duration {
	switch p.mode {
	case shortMode:
		return 5 * time.Minute
	case "long":
		return 3 * time.Hour
	}
	return 3 * length
}
