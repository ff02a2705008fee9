package dev.understudy.launcher.architecture.crooked.comparator;

/** Another service. */
public class Judge {}
