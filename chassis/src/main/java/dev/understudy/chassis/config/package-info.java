/** Typed configuration from YAML that names every problem at once, with its line. */
@NullMarked
package dev.understudy.chassis.config;

import org.jspecify.annotations.NullMarked;
