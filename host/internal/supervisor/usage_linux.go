package supervisor

import (
	"bytes"
	"errors"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of the times in /proc/<pid>/stat: USER_HZ, which is 100 on
// every architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// readUsage reads what /proc says of a process.
func readUsage(pid int) (usage, error) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return usage{}, err
	}
	u, err := parseStat(stat)
	if err != nil {
		return usage{}, err
	}
	u.openFiles, err = countFiles(dir + "/fd")
	return u, err
}

// parseStat reads the line of /proc/<pid>/stat. The second field is the process's
// name in parentheses, which it chose itself: only what follows the last one counts.
func parseStat(stat []byte) (usage, error) {
	end := bytes.LastIndexByte(stat, ')')
	fields := bytes.Fields(stat[end+1:])
	// The first of these is field 3 of proc(5).
	const utime, stime, cutime, cstime, rss = 14 - 3, 15 - 3, 16 - 3, 17 - 3, 24 - 3
	if end < 0 || len(fields) <= rss {
		return usage{}, errors.New("malformed stat line")
	}
	number := func(i int) int64 {
		n, err := strconv.ParseInt(string(fields[i]), 10, 64)
		if err != nil || n < 0 {
			return 0
		}
		return n
	}
	return usage{
		cpu:      time.Duration(number(utime)+number(stime)+number(cutime)+number(cstime)) * clockTick,
		resident: number(rss) * int64(os.Getpagesize()),
	}, nil
}

// countFiles counts the open files that /proc/<pid>/fd lists. Since Linux 6.2 the size of
// that folder is their number (a process has always some); before, it is 0, and they are
// counted one by one.
func countFiles(dir string) (int, error) {
	var st unix.Stat_t
	if err := unix.Stat(dir, &st); err != nil {
		return 0, &os.PathError{Op: "stat", Path: dir, Err: err}
	}
	if st.Size > 0 {
		return int(st.Size), nil
	}
	return countEntries(dir)
}

func countEntries(dir string) (int, error) {
	d, err := os.Open(dir)
	if err != nil {
		return 0, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	return len(names), err
}
