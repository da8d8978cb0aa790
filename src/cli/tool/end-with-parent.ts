/** Preloaded into a child process with an IPC channel: the child ends when its parent does, however that ended. */
process.once("disconnect", () => process.kill(process.pid, "SIGTERM"));
process.channel?.unref();
