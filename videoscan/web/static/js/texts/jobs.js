// Texts of the list of jobs and of submitting. [English, Chinese]

export const JOBS = {
  "jobs.title": ["Jobs", "任务"],
  "jobs.none": ["No jobs yet", "还没有任务"],
  "state.queued": ["Waiting", "等待中"],
  "state.running": ["Running", "进行中"],
  "state.done": ["Done", "完成"],
  "state.failed": ["Failed", "失败"],
  "state.cancelled": ["Cancelled", "已取消"],
};
