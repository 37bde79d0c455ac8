// POST /sum on Go's net/http, on one processor. Whole numbers use int64, other numbers math/big, similar to the API.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"math/big"
	"net/http"
	"os"
	"runtime"
	"strconv"
)

type operands struct {
	A *json.Number `json:"a"`
	B *json.Number `json:"b"`
}

func add(a, b json.Number) (string, bool) {
	if len(a) <= 18 && len(b) <= 18 {
		x, errX := strconv.ParseInt(string(a), 10, 64)
		y, errY := strconv.ParseInt(string(b), 10, 64)
		if errX == nil && errY == nil {
			return strconv.FormatInt(x+y, 10), true
		}
	}
	x, okX := new(big.Rat).SetString(string(a))
	y, okY := new(big.Rat).SetString(string(b))
	if !okX || !okY {
		return "", false
	}
	return new(big.Rat).Add(x, y).FloatString(1000), true
}

func sum(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	if r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "not application/json", http.StatusUnsupportedMediaType)
		return
	}
	var in operands
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4096))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil || in.A == nil || in.B == nil {
		http.Error(w, "not two numbers", http.StatusUnprocessableEntity)
		return
	}
	total, ok := add(*in.A, *in.B)
	if !ok {
		http.Error(w, "not two numbers", http.StatusUnprocessableEntity)
		return
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, `{"sum":%s}`, total)
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(out.Bytes())
}

func main() {
	runtime.GOMAXPROCS(1)
	http.HandleFunc("/sum", sum)
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"status":"ok"}`))
	})
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
