package schedpb

// JobAlone, added to a job's id in a request, means that job and no other: an array's id is also that of its first
// task, and means all of its tasks otherwise.
const JobAlone uint64 = 1 << 63
