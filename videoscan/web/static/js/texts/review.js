// Texts of one job's screen. [English, Chinese]

export const REVIEW = {
  "review.loading": ["Loading the timeline…", "正在载入时间线…"],
};
