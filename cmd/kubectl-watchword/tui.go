package main

import (
	"errors"
	"fmt"
	"io"
)

const program = "kubectl watchword"

// refusal is an error with what to do about it.
type refusal struct {
	err  error
	hint string
}

// Error implements error.
func (r *refusal) Error() string { return r.err.Error() }

// Unwrap gives errors.Is and errors.As the cause.
func (r *refusal) Unwrap() error { return r.err }

// hint adds a next action to an error. Hints nest: each becomes a line, the outermost first.
func hint(err error, format string, args ...any) error {
	return &refusal{err: err, hint: fmt.Sprintf(format, args...)}
}

// complain writes a refusal as people read it: what is wrong, then what to do.
func complain(w io.Writer, err error) {
	fmt.Fprintf(w, "%s: error: %v\n", program, err)
	var r *refusal
	for errors.As(err, &r) {
		fmt.Fprintf(w, "%s: hint: %s\n", program, r.hint)
		err = r.err
	}
}

// say writes a remark that is no part of the output.
func say(w io.Writer, format string, args ...any) {
	fmt.Fprintf(w, "%s: %s\n", program, fmt.Sprintf(format, args...))
}
