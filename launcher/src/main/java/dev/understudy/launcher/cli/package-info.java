/** The commands a person types: each a small class, each an RPC or a service behind it. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.cli;
