package catalog

import (
	"log/slog"
	"sync/atomic"

	"github.com/fsnotify/fsnotify"
)

// watch asks the system to tell of changes in the folder. It only saves time: without
// it the folder is looked at every Interval.
type watch struct {
	path string
	log  *slog.Logger
	open func(path string, log *slog.Logger) (*fileEvents, error)

	at     place // what is watched while events is not nil
	events *fileEvents
	mute   bool // the failure was told already
}

// follow makes sure that the folder at a place is watched. A folder that was replaced
// needs a new watch: the old one looks at what was moved away.
func (w *watch) follow(at place) {
	if w.events != nil && w.at == at && !w.events.lost.Load() {
		return
	}
	w.close()
	events, err := w.open(w.path, w.log)
	if err != nil {
		if !w.mute {
			w.log.Warn("the extensions folder cannot be watched, looking at it from time to time instead",
				"folder", w.path, "error", err)
		}
		w.mute = true
		return
	}
	if w.mute {
		w.log.Info("the extensions folder is watched again", "folder", w.path)
	}
	w.at, w.events, w.mute = at, events, false
}

// wake is received from when something may have changed; nil without a watch.
func (w *watch) wake() <-chan struct{} {
	if w.events == nil {
		return nil
	}
	return w.events.alarm
}

func (w *watch) close() {
	if w.events != nil {
		w.events.close()
		w.events = nil
	}
}

// fileEvents is one fsnotify watch of a folder with its goroutine.
type fileEvents struct {
	path    string
	watcher *fsnotify.Watcher
	log     *slog.Logger
	alarm   chan struct{} // one alarm stands for any number of events
	lost    atomic.Bool   // the folder itself was moved or removed
	done    chan struct{}
}

func openFileEvents(path string, log *slog.Logger) (*fileEvents, error) {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	if err := watcher.Add(path); err != nil {
		watcher.Close()
		return nil, err
	}
	e := &fileEvents{
		path: path, watcher: watcher, log: log,
		alarm: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go e.listen()
	return e, nil
}

// listen ends when the watcher is closed. An error (a lost event, mostly) is a reason
// to look, like an event.
func (e *fileEvents) listen() {
	defer close(e.done)
	for {
		select {
		case event, ok := <-e.watcher.Events:
			if !ok {
				return
			}
			if event.Name == e.path && (event.Has(fsnotify.Remove) || event.Has(fsnotify.Rename)) {
				e.lost.Store(true)
			}
		case err, ok := <-e.watcher.Errors:
			if !ok {
				return
			}
			e.log.Debug("watching the extensions folder", "error", err)
		}
		select {
		case e.alarm <- struct{}{}:
		default:
		}
	}
}

func (e *fileEvents) close() {
	if err := e.watcher.Close(); err != nil {
		e.log.Debug("ending the watch of the extensions folder", "error", err)
	}
	<-e.done
}
