/** The builder's worker: large files are read here, beside a run that is under way, and the page stays answerable. */
import * as comlink from 'comlink';
import { createBuilder } from '../src/alttrain/builder.ts';
import { installErrorTransport } from '../src/api/trainer-transport.ts';

installErrorTransport();
comlink.expose(createBuilder());
