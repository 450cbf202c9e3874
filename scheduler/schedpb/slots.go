package schedpb

// TakenSlots is how many slots the job takes, all its ranks together. Schedulers of 0.1.0 don't say: one each.
func (j *JobInfo) TakenSlots() uint32 {
	if slots := j.GetSlots(); slots > 0 {
		return slots
	}
	return j.GetRanks()
}
