package dev.understudy.launcher.architecture.crooked.chassis;

import dev.understudy.launcher.architecture.crooked.router.split.Chooser;

/** Stands on what stands on it. */
public class Base {
  final Chooser chooser = new Chooser();
}
