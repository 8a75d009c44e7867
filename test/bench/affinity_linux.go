package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const movedVariable = "WATCHWORD_BENCH_MOVED"

// serverCore and loadCore are the first and the last core this process may use; on a machine of one core they are the same.
func serverCore() int { return cores()[0] }

func loadCore() int { all := cores(); return all[len(all)-1] }

// cores are those of the first thread's parent: before moveTo, all that the machine gives.
func cores() []int {
	if given := os.Getenv(movedVariable); given != "" {
		return parseCores(given)
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return []int{0}
	}
	var all []int
	for core := 0; len(all) < set.Count(); core++ {
		if set.IsSet(core) {
			all = append(all, core)
		}
	}
	return all
}

func parseCores(text string) (all []int) {
	for _, field := range strings.Split(text, ",") {
		if core, err := strconv.Atoi(field); err == nil {
			all = append(all, core)
		}
	}
	return all
}

// moveTo starts this program again with all its threads on one core. In the program so started it does nothing.
func moveTo(core int) error {
	if os.Getenv(movedVariable) != "" {
		return nil
	}
	var names []string
	for _, c := range cores() {
		names = append(names, strconv.Itoa(c))
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	runtime.LockOSThread() // execve keeps the affinity of the thread that calls it
	if err := pinThread(0, core); err != nil {
		return err
	}
	environment := append(os.Environ(), movedVariable+"="+strings.Join(names, ","))
	return syscall.Exec(self, os.Args, environment)
}

// on runs start with the calling thread on the given cores, so that the processes it starts are there from their first instruction.
func on(selected []int, start func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return err
	}
	if err := pinThread(0, selected...); err != nil {
		return err
	}
	err := start()
	if restored := unix.SchedSetaffinity(0, &before); err == nil {
		err = restored
	}
	return err
}

func pinThread(thread int, selected ...int) error {
	var set unix.CPUSet
	for _, core := range selected {
		set.Set(core)
	}
	if err := unix.SchedSetaffinity(thread, &set); err != nil {
		return fmt.Errorf("pin to cores %v: %w", selected, err)
	}
	return nil
}

// pin moves every thread of a running process.
func pin(pid int, selected ...int) error {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil {
		return err
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(filepath.Base(thread))
		if err != nil {
			return err
		}
		if err := pinThread(id, selected...); err != nil {
			return err
		}
	}
	return nil
}
