/** The router's configuration file. */
@NullMarked
package dev.understudy.router.config;

import org.jspecify.annotations.NullMarked;
