package lifecycle

// Event is what happens to an extension. The catalog brings the first ones, about its
// file and its place among the others; the rest come from its process.
type Event string

// The events.
const (
	Copying   Event = "copying"   // its file is new, changes, or is being judged
	Reject    Event = "reject"    // its bytes are no good bundle, or not for this host
	Refuse    Event = "refuse"    // its signature is not trusted
	Unsupport Event = "unsupport" // nothing in it runs on this platform
	Clash     Event = "clash"     // another extension has its id, name or a type
	Lack      Event = "lack"      // what it needs is not there, or it is held back
	Disable   Event = "disable"   // an administrator wants it stopped, and no process is left
	Remove    Event = "remove"    // its file is gone, and no process is left
	Launch    Event = "launch"    // a process is launched
	Ready     Event = "ready"     // the process is healthy and may take requests
	Crash     Event = "crash"     // the process ended by itself and is launched again at once
	Pause     Event = "pause"     // the process failed and is tried again later
	GiveUp    Event = "give up"   // the process failed and is not tried again
	Stop      Event = "stop"      // the process is to finish its requests and end
	Ended     Event = "ended"     // the process that was to end has ended
)

// Events lists every Event.
func Events() []Event {
	return []Event{
		Copying, Reject, Refuse, Unsupport, Clash, Lack, Disable, Remove,
		Launch, Ready, Crash, Pause, GiveUp, Stop, Ended,
	}
}

// transitions is the whole machine: where each event leads from each state. What is
// not in it cannot happen. docs/STATES.md is made from it.
//
// A state without a process takes every word about the file: which of them is true is
// decided anew at each look at the folder. A state with a process leaves it only by
// the process's own events, so that no row speaks of a file while a child still runs.
func transitions() map[State]map[Event]State {
	idle := map[Event]State{
		Copying: Pending, Reject: Failed, Refuse: Refused, Unsupport: Unsupported, Clash: Conflict,
		Lack: Waiting, Disable: Stopped, Remove: Removed, Launch: Starting,
	}
	return map[State]map[Event]State{
		Pending:     idle,
		Waiting:     idle,
		Stopped:     idle,
		Conflict:    idle,
		Unsupported: idle,
		Refused:     idle,
		// A failed process has ended, but its instance is still there to be stopped.
		Failed: with(idle, Stop, Draining, Ended, Stopped),
		// Between two tries there is no process to drain.
		Backoff:  {Launch: Starting, Stop: Draining, Ended: Stopped},
		Starting: {Launch: Starting, Ready: Running, Pause: Backoff, GiveUp: Failed, Stop: Draining, Ended: Stopped},
		Running:  {Crash: Starting, Stop: Draining, Ended: Stopped},
		Draining: {Ended: Stopped},
		Removed:  {},
	}
}

// with returns the transitions of base and, as pairs of Event and State, more.
func with(base map[Event]State, event Event, to State, event2 Event, to2 State) map[Event]State {
	all := map[Event]State{event: to, event2: to2}
	for e, s := range base {
		all[e] = s
	}
	return all
}

// On returns the state after event, false if it cannot happen in s; then s stays.
func (s State) On(event Event) (State, bool) {
	if next, ok := transitions()[s][event]; ok {
		return next, true
	}
	return s, false
}
