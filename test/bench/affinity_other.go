//go:build !linux

package main

// Other systems than Linux cannot be told which core to use: there, the figures say less.

func serverCore() int { return 0 }

func loadCore() int { return 0 }

func cores() []int { return []int{0} }

func moveTo(int) error { return nil }

func on(_ []int, start func() error) error { return start() }

func pin(int, ...int) error { return nil }

func pinThread(int, ...int) error { return nil }
