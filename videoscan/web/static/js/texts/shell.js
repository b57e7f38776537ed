// Texts of what stands around the screens, and of what goes wrong anywhere. [English, Chinese]

export const SHELL = {
  "app.skip": ["Skip to the content", "跳到正文"],
  "app.ways": ["Main", "主导航"],
  "app.jobs": ["Jobs", "任务"],
  "app.streams": ["Live", "实时"],
  "app.search": ["Search", "搜索"],
  "app.settings": ["Settings", "设置"],
  "app.find": ["Search everything", "搜索全部"],
  "app.offline": ["The service does not answer. Trying again…", "服务没有响应，正在重试…"],
  "app.back": ["The service answers again.", "服务已恢复。"],
  "app.lost": ["There is nothing at this address.", "这个地址没有内容。"],
  "app.lost.home": ["Go to the jobs", "回到任务列表"],
  "app.fault": ["This screen could not be shown: {what}", "无法显示此页面：{what}"],
  "app.again": ["Try again", "重试"],

  "do.cancel": ["Cancel", "取消"],
  "do.close": ["Close", "关闭"],
  "do.undo": ["Undo", "撤销"],
  "do.save": ["Save", "保存"],
  "do.copy": ["Copy", "复制"],
  "do.copied": ["Copied", "已复制"],
  "do.more": ["Show more", "显示更多"],

  "problem.unreachable": ["The service does not answer. Is it running, and is this machine connected?", "服务没有响应。服务是否在运行？网络是否连通？"],
  "problem.login": ["Please sign in again.", "请重新登录。"],
  "problem.other": ["The service answered {status}.", "服务返回了 {status}。"],

  "login.title": ["Sign in", "登录"],
  "login.lead": ["This service asks for a key. Whoever runs it makes one with", "此服务需要密钥。由运行服务的人用下面的命令创建："],
  "login.key": ["Key", "密钥"],
  "login.go": ["Sign in", "登录"],
  "login.wrong": ["This key is not known. Keys are long: was it copied whole?", "密钥不正确。密钥很长，请确认是否完整复制。"],
  "login.empty": ["Paste a key first.", "请先粘贴密钥。"],
  "login.out": ["Sign out", "退出登录"],


};
