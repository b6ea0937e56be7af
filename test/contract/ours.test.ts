/** The contract, held against our daemon in each of the ways a client can reach it. */
import test from 'ava'
import { controlContract } from './contract.ts'
import { classic, classicOverTcp, frontDesks, neighbours, tenants } from './worlds.ts'

controlContract(test, 'two tenants', tenants)
controlContract(test, 'neighbours', neighbours)
controlContract(test, 'the front desk', frontDesks)
controlContract(test, 'classic', classic)
controlContract(test, 'classic over TCP', classicOverTcp)
