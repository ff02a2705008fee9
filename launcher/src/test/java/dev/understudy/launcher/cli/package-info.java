@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.cli;
