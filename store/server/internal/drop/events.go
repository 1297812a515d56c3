package drop

import (
	"log/slog"

	"github.com/fsnotify/fsnotify"
)

// events asks the system to tell of changes. It only saves time: without it the folder is
// looked at every Interval.
type events struct {
	log     *slog.Logger
	watcher *fsnotify.Watcher // nil: the system does not tell
	alarm   chan struct{}     // one alarm stands for any number of events
	done    chan struct{}
}

func newEvents(log *slog.Logger) *events {
	e := &events{log: log, alarm: make(chan struct{}, 1), done: make(chan struct{})}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		log.Warn("the drop folder can not be watched, looking at it from time to time instead", "error", err)
		close(e.done)
		return e
	}
	e.watcher = watcher
	go e.listen()
	return e
}

// listen ends when the watcher is closed. An error (a lost event, mostly) is a reason to
// look, like an event.
func (e *events) listen() {
	defer close(e.done)
	for {
		select {
		case _, ok := <-e.watcher.Events:
			if !ok {
				return
			}
		case err, ok := <-e.watcher.Errors:
			if !ok {
				return
			}
			e.log.Debug("watching the drop folder", "error", err)
		}
		select {
		case e.alarm <- struct{}{}:
		default:
		}
	}
}

// follow watches folders, and no others. One that can not be watched is looked at from time
// to time. A folder that was replaced is watched anew: the system drops the old one.
func (e *events) follow(folders []string) {
	if e.watcher == nil {
		return
	}
	wanted := map[string]bool{}
	for _, folder := range folders[:min(len(folders), maxWatches)] {
		wanted[folder] = true
	}
	for _, folder := range e.watcher.WatchList() {
		if !wanted[folder] {
			// It may be gone, and with it the watch.
			if err := e.watcher.Remove(folder); err != nil {
				e.log.Debug("leaving a drop folder", "folder", folder, "error", err)
			}
		}
		delete(wanted, folder)
	}
	for folder := range wanted {
		if err := e.watcher.Add(folder); err != nil {
			e.log.Debug("watching a drop folder", "folder", folder, "error", err)
		}
	}
}

func (e *events) close() {
	if e.watcher != nil {
		if err := e.watcher.Close(); err != nil {
			e.log.Debug("ending the watch of the drop folder", "error", err)
		}
	}
	<-e.done
}
