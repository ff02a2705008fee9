/** A model house with deliberate violations. */
@org.jspecify.annotations.NullMarked
package dev.understudy.launcher.architecture.crooked.router.split;
