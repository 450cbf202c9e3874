package omp

// Loops whose iterations are dealt out to the teams of a league and, in each, to its threads by the same call. Every
// team has one part, the parts differ by one iteration at most.

// teamPart is the part of a loop that the thread's team has, and whether the loop's last iteration is in it. trips are
// the part's; of an empty one the bounds say so too.
func (t *Thread) teamPart(l loop) (part loop, trips uint64, last bool) {
	all, league := l.trips(), t.leagueOf()
	if all == 0 { // an empty loop keeps its bounds, which say so
		return l, 0, false
	}
	p := share(all, league.number, league.teams)
	part = l
	part.lower = l.at(p.first)
	part.upper = l.at(p.first + p.count - 1)
	return part, p.count, p.count > 0 && p.first+p.count == all
}

// void __kmpc_dist_for_static_init_FORM(loc, gtid, schedule i32, *last i32, *lower, *upper, *team's upper, *stride,
// step, chunk)
func distForStaticInit(f form) func(*Thread, []uint64) {
	return func(t *Thread, s []uint64) {
		r := requestFor(t, int32(s[2]), f.signed(s[9]))
		last, lower, upper, teamUpper, stride := s[3], s[4], s[5], s[6], s[7]
		l := loop{lower: f.widen(t.number(lower, f.size)), upper: f.widen(t.number(upper, f.size)),
			step: f.signed(s[8]), unsigned: f.unsigned}
		if l.step == 0 {
			fail("a loop with a step of 0")
		}
		team, trips, lastTeam := t.teamPart(l)
		p, apart, isLast := staticRange(r, trips, t.region.number, t.region.team.size)
		if last != 0 {
			t.store(last, 4, truthOf(isLast && lastTeam))
		}
		t.store(stride, f.size, apart*uint64(l.step))
		t.store(teamUpper, f.size, team.upper)
		if trips > 0 {
			team.lower, team.upper = team.at(p.first), team.at(p.first+p.count-1)
		}
		t.store(lower, f.size, team.lower)
		t.store(upper, f.size, team.upper)
	}
}

// void __kmpc_dist_dispatch_init_FORM(loc, gtid, schedule i32, *last i32, lower, upper, step, chunk):
// __kmpc_dispatch_next deals the team's part out.
func distDispatchInit(f form) func(*Thread, []uint64) {
	return func(t *Thread, s []uint64) {
		l := loop{lower: f.widen(s[4]), upper: f.widen(s[5]), step: f.signed(s[6]), unsigned: f.unsigned}
		if l.step == 0 {
			fail("a loop with a step of 0")
		}
		team, trips, last := t.teamPart(l)
		if s[3] != 0 {
			t.store(s[3], 4, truthOf(last))
		}
		t.beginLoop(f, requestFor(t, int32(s[2]), f.signed(s[7])), team, trips)
	}
}

// void __kmpc_team_static_init_FORM(loc, gtid, *last i32, *lower, *upper, *stride, step, chunk): chunks go to the teams
// in turn.
func teamStaticInit(f form) func(*Thread, []uint64) {
	init := forStaticInit(f)
	return func(t *Thread, s []uint64) {
		init(t, []uint64{s[0], s[1], kmpDistribute, s[2], s[3], s[4], s[5], s[6], s[7]})
	}
}
