package dev.understudy.launcher.architecture.crooked.router.guard;

/** A sibling. */
public class Guard {}
