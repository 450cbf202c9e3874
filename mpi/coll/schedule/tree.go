package schedule

// A binomial tree over the group, with the root on top. A participant's relative rank is its distance from the root in
// rank order, in a circle. Relative rank v has the children v + 1, v + 2, v + 4, … up to its own lowest bit, and those
// from v to v + lowest bit - 1 are its branch.

// relative is the participant's own relative rank.
func (p *Plan) relative() int { return p.Group.after(p.index(), p.Group.First-p.Root) }

// at is the participant with a relative rank.
func (p *Plan) at(relative int) int { return p.member(relative + p.Root - p.Group.First) }

// branch is how many a branch has, with the one on its top.
func (p *Plan) branch(top int) int { return min(reach(top, p.Group.Count), p.Group.Count-top) }

// reach is the lowest bit of a relative rank; of the root's all there are.
func reach(relative, n int) int {
	if relative == 0 {
		return n
	}
	return relative & -relative
}

// parent is the relative rank above another.
func parent(relative int) int { return relative & (relative - 1) }

// children calls f for the relative ranks below one, that with the largest branch first.
func (p *Plan) children(top int, f func(child int)) {
	below := reach(top, p.Group.Count)
	step := 1
	for 2*step < below {
		step *= 2
	}
	for ; step > 0 && step < below; step /= 2 {
		if top+step < p.Group.Count {
			f(top + step)
		}
	}
}
