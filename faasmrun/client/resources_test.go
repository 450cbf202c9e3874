package client

import "testing"

func TestParseResources(t *testing.T) {
	for text, want := range map[string]string{
		"gpu": "gpu:1", "gpu:2": "gpu:2", "gpu:a100": "gpu:a100:1",
		"gpu:a100:2": "gpu:a100:2", "gres/gpu:2": "gpu:2", "gres:gpu:v100": "gpu:v100:1",
		"gpu:2,licence:3": "gpu:2,licence:3", "none": "", "gpu: 2": "", "gpu:a b:2": "",
		"gpu:0": "", "": "", ":2": "", "gpu:a:b:2": "",
		"gpu:2:a100": "", "gpu:99999": "", "gpu:a100:many": ""} {
		list, err := ParseResources(text)
		if got := ResourcesText(list); got != want || (err == nil) != (want != "" || text == "none") {
			t.Errorf("%q is %q, %v; want %q", text, got, err, want)
		}
	}
}

func FuzzParseResources(f *testing.F) {
	f.Add("gpu:a100:2,licence")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseResources(text)
		if err != nil || len(list) == 0 {
			return
		}
		if again, err := ParseResources(ResourcesText(list)); err != nil || ResourcesText(again) != ResourcesText(list) {
			t.Errorf("%q became %q, %v", text, ResourcesText(list), err)
		}
	})
}
