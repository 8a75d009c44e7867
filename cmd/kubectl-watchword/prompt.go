package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/term"
)

// askLine asks on the terminal for a line of text, and askSecret for one that is not shown. They use the terminal itself: standard
// input may be data, and standard output is.
func askLine(ctx context.Context, question string) (string, error) {
	return ask(ctx, question, func(tty *os.File) (string, error) {
		line, err := bufio.NewReader(tty).ReadString('\n')
		return strings.TrimRight(line, "\r\n"), err
	})
}

func askSecret(ctx context.Context, question string) (string, error) {
	return ask(ctx, question, func(tty *os.File) (string, error) {
		secret, err := term.ReadPassword(int(tty.Fd()))
		fmt.Fprintln(tty)
		return string(secret), err
	})
}

func ask(ctx context.Context, question string, read func(*os.File) (string, error)) (string, error) {
	name := "/dev/tty"
	if runtime.GOOS == "windows" {
		name = "CONIN$"
	}
	tty, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return "", hint(errors.New("there is no terminal to ask on"), "run this in a terminal, or sign in without --password")
	}
	defer tty.Close()
	descriptor := int(tty.Fd())
	if state, err := term.GetState(descriptor); err == nil {
		// An interrupted question must not leave a terminal that shows nothing.
		defer func() { _ = term.Restore(descriptor, state) }()
	}
	fmt.Fprint(tty, question)
	type answer struct {
		text string
		err  error
	}
	answered := make(chan answer, 1)
	go func() {
		text, err := read(tty)
		answered <- answer{text, err}
	}()
	select {
	case a := <-answered:
		if a.err == nil && a.text == "" {
			a.err = errors.New("nothing was entered")
		}
		if a.err != nil {
			return "", hint(fmt.Errorf("ask on the terminal: %w", a.err), "run the command again")
		}
		return a.text, nil
	case <-ctx.Done():
		fmt.Fprintln(tty)
		return "", ctx.Err()
	}
}
