package omp

// league is the teams of a teams construct (OpenMP 5.1, 2.7).
type league struct{ teams, number int }

// void __kmpc_push_num_teams(loc, gtid, teams i32, threads i32): of the next teams construct; 0: not said.
func pushNumTeams(t *Thread, s []uint64) { t.pushTeams(s[2], s[3]) }

// void __kmpc_push_num_teams_51(loc, gtid, least i32, most i32, threads i32)
func pushNumTeams51(t *Thread, s []uint64) {
	if int32(s[3]) <= 0 {
		s[3] = s[2]
	}
	t.pushTeams(s[3], s[4])
}

func (t *Thread) pushTeams(teams, threads uint64) {
	t.askedTeams, t.askedLimit = max(int(int32(teams)), 0), max(int(int32(threads)), 0)
}

// void __kmpc_set_thread_limit(loc, gtid, threads i32): of what the task is in.
func setThreadLimit(t *Thread, s []uint64) {
	if n := int(int32(s[2])); n > 0 {
		t.task.icvs.limit = n
	}
}

// void __kmpc_fork_teams(loc, captured i32, region, arguments): runs the region once in each team of a league, by the
// team's initial thread, and returns when all have.
func forkTeams(t *Thread, s []uint64) {
	icvs := t.task.icvs
	n := max(t.askedTeams, icvs.teams, 1)
	if t.askedTeams > 0 {
		n = t.askedTeams
	}
	limit := t.askedLimit
	if limit == 0 {
		limit = icvs.teamLimit
	}
	t.askedTeams, t.askedLimit = 0, 0
	tm := t.form(t.reserveTeams(n))
	t.capture(tm, s)
	if limit > 0 {
		icvs.limit = limit
	} else if tm.size > 1 {
		icvs.limit = max(t.runtime.limit/tm.size, 1)
	}
	for i := range tm.members {
		first := newTeam(1)
		first.parent, first.league = &tm.members[i], &league{tm.size, i}
		first.outer = &tm.members[i].implicit
		first.threads[0] = tm.threads[i]
		first.members[0].begin(icvs)
		tm.members[i].initial = &first.members[0]
	}
	t.work(tm)
}

// reserveTeams decides how many teams there are of those that were asked for, and counts their initial threads.
func (t *Thread) reserveTeams(n int) int {
	r := t.runtime
	r.mu.Lock()
	defer r.mu.Unlock()
	n = max(1, min(n, r.limit-r.inUse))
	r.inUse += n - 1
	return n
}

// leagueOf is the team's number, and how many there are.
func (t *Thread) leagueOf() league {
	for r := t.region; r != nil; r = r.team.parent {
		if l := r.team.league; l != nil {
			return *l
		}
	}
	return league{1, 0}
}
