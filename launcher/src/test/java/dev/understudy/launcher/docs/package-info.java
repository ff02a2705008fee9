/** Holds the documentation to the code: links, names, states, keys and metrics that it tells of. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.docs;
