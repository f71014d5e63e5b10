package main

import (
	"strings"
	"testing"
	"time"
)

func TestAllMissingSettingsAreNamedTogether(t *testing.T) {
	t.Setenv("PURCHASES_URI", "postgresql://purchases")
	_, err := required("PURCHASES_URI", "JOBS_URI", "ORDERS_URL")
	if err == nil || !strings.Contains(err.Error(), "JOBS_URI, ORDERS_URL not set") {
		t.Errorf("%v", err)
	}
}

func TestADurationIsReadOrRefusedWithItsName(t *testing.T) {
	for text, want := range map[string]time.Duration{"": time.Minute, "500ms": 500 * time.Millisecond, "0s": 0} {
		t.Setenv("SHOP_DRAIN", text)
		if got, err := duration("SHOP_DRAIN", time.Minute); got != want || err != nil {
			t.Errorf("%q: %s %v", text, got, err)
		}
	}
	for _, text := range []string{"5", "-1s", "soon"} {
		t.Setenv("SHOP_DRAIN", text)
		if _, err := duration("SHOP_DRAIN", 0); err == nil || !strings.Contains(err.Error(), "SHOP_DRAIN") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
