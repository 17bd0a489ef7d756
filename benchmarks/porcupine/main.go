// The peer of the register check: the same history.jsonl, judged by Porcupine.
//
//	go run . HISTORY.jsonl
//
// Prints one JSON object: what it found, seconds for reading the file and seconds for the search. Reading is what the
// Go standard library makes of it; only the search is Porcupine's.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sort"
	"time"

	"github.com/anishathalye/porcupine"
)

type line struct {
	I     int     `json:"i"`
	P     int     `json:"p"`
	Type  string  `json:"type"`
	F     string  `json:"f"`
	Key   string  `json:"key"`
	Value *string `json:"value"`
	T     int64   `json:"t"`
}

// access is what an operation demands of its register and does to it; an empty register holds "".
type access struct {
	key, f, old, new string
	unknown          bool
}

var register = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		byKey := map[string][]porcupine.Operation{}
		for _, op := range history {
			key := op.Input.(access).key
			byKey[key] = append(byKey[key], op)
		}
		var parts [][]porcupine.Operation
		for _, part := range byKey {
			parts = append(parts, part)
		}
		return parts
	},
	Init: func() interface{} { return "" },
	Step: func(state, input, output interface{}) (bool, interface{}) {
		a := input.(access)
		switch {
		case a.f == "get":
			return state == a.old, state
		case a.f == "put":
			return true, a.new
		case state == a.old:
			return true, a.new
		default: // a swap of unknown outcome may not have happened
			return a.unknown, state
		}
	},
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

func read(path string) ([]porcupine.Operation, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	asked, told := map[int]line{}, map[int]line{}
	last := int64(0)
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 1<<26)
	for scanner.Scan() {
		var l line
		if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
			return nil, err
		}
		if l.Type == "invoke" {
			asked[l.I] = l
		} else {
			told[l.I] = l
		}
		last = l.T
	}
	var history []porcupine.Operation
	for i, a := range asked {
		t, answered := told[i]
		unknown := !answered || t.Type == "info"
		if (a.F != "get" && a.F != "put" && a.F != "cas") || t.Type == "fail" || (unknown && a.F == "get") {
			continue
		}
		acc := access{key: a.Key, f: a.F, unknown: unknown}
		switch a.F {
		case "get":
			acc.old = text(t.Value)
		case "put":
			acc.new = text(a.Value)
		case "cas":
			var pair [2]*string
			if err := json.Unmarshal([]byte(text(a.Value)), &pair); err != nil {
				return nil, err
			}
			acc.old, acc.new = text(pair[0]), text(pair[1])
		}
		end := last + 1
		if !unknown {
			end = t.T
		}
		history = append(history, porcupine.Operation{ClientId: a.P, Input: acc, Call: a.T, Output: nil, Return: end})
	}
	sort.Slice(history, func(i, j int) bool { return history[i].Call < history[j].Call })
	return history, scanner.Err()
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "Usage: porcupine HISTORY.jsonl")
		os.Exit(64)
	}
	runtime.GOMAXPROCS(1) // as the peer: one core
	begun := time.Now()
	history, err := read(os.Args[1])
	if err != nil {
		fmt.Fprintf(os.Stderr, "Cannot read %s: %v.\n", os.Args[1], err)
		os.Exit(1)
	}
	loaded := time.Now()
	found := porcupine.CheckOperationsTimeout(register, history, 120*time.Second)
	json.NewEncoder(os.Stdout).Encode(map[string]interface{}{
		"found": found, "operations": len(history),
		"load_s": loaded.Sub(begun).Seconds(), "search_s": time.Since(loaded).Seconds(),
	})
}
