/** Comparator, controller and collector in one process. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.control;
