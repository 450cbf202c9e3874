package schedpb

// Variable is what a variable says that the program's ranks see; "" where there is none. Of several of one name the
// last counts.
func (a *App) Variable(name string) (value string) {
	for _, v := range a.GetEnv() {
		if v.GetName() == name {
			value = v.GetValue()
		}
	}
	return value
}
